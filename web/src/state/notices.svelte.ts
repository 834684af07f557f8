/** What the page tells the person: quiet announcements for screen readers, and problems that stay until read. */

const QUIET_MS = 3000;

export interface Problem {
  id: number;
  text: string;
  /** `danger`: something did not happen; `warn`: it goes on, otherwise than asked. */
  kind: "danger" | "warn";
}

export class Notices {
  /** The text of the polite live region: at most one new message in three seconds, the newest wins. */
  polite = $state("");
  /** The text of the assertive live region. */
  urgent = $state("");
  problems = $state.raw<Problem[]>([]);
  #last = 0;
  #waiting: ReturnType<typeof setTimeout> | null = null;
  #count = 0;

  /** Tells quietly. */
  say(text: string): void {
    if (this.#waiting !== null) clearTimeout(this.#waiting);
    const speak = (): void => {
      this.#last = Date.now();
      this.#waiting = null;
      this.polite = text;
    };
    const rest = this.#last + QUIET_MS - Date.now();
    if (rest <= 0) speak();
    else this.#waiting = setTimeout(speak, rest);
  }

  /** Shows a problem in a band and announces it at once; the same words are shown once. */
  alarm(text: string, kind: Problem["kind"] = "danger"): void {
    this.urgent = text;
    if (this.problems.some((problem) => problem.text === text)) return;
    this.#count += 1;
    this.problems = [...this.problems.slice(-3), { id: this.#count, text, kind }];
  }

  dismiss(id: number): void {
    this.problems = this.problems.filter((problem) => problem.id !== id);
  }
}
