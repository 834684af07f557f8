"""An automatic audit of what is on the screen (axe-core), and whether anything lies beyond its side."""

from typing import Any

from playwright.async_api import Page

from tests.browser.hub_process import ROOT

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


async def faults(page: Page) -> list[Any]:
    """What the audit finds wrong: rule, what it asks for, the elements. Empty when all is well."""
    assert AXE.is_file(), "axe-core is not installed: `npm ci` in web/"
    await page.evaluate(AXE.read_text())  # the page's own policy rightly forbids a script put into it
    found: list[Any] = await page.evaluate(
        """rules => axe.run(document, {runOnly: rules}).then(result => result.violations.map(
             one => [one.id, one.help, one.nodes.map(node => node.html.slice(0, 120))]))""",
        RULES,
    )
    return found


async def beyond(page: Page) -> int:
    """Pixels by which the page is wider than the window; 0 when it fits."""
    width: int = await page.evaluate("Math.max(0, document.documentElement.scrollWidth - window.innerWidth)")
    return width
