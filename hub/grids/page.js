"use strict";
(() => {
  const grid = JSON.parse(document.getElementById("grid").textContent);
  const controls = document.getElementById("controls");
  const table = document.getElementById("table");
  const large = document.getElementById("large");
  const part = (name) => large.querySelector("." + name);
  const chosen = grid.axes.map(() => 0);
  let shown = [];
  let current = 0;

  const make = (name, text) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    return element;
  };

  const select = (text, options, value, changed) => {
    const field = make("div");
    const label = make("label", text);
    const box = make("select");
    box.id = label.htmlFor = "choice" + controls.children.length;
    options.forEach(([key, words]) => {
      const option = make("option", words);
      option.value = String(key);
      box.append(option);
    });
    box.value = String(value);
    box.addEventListener("change", () => changed(Number(box.value)));
    field.append(label, box);
    controls.append(field);
    return field;
  };

  let across = 0;
  let down = grid.axes.length > 1 ? 1 : -1;
  const axes = [[-1, "(none)"], ...grid.axes.map((axis, place) => [place, axis.title])];
  select("Across", axes, across, (place) => { across = place; draw(); });
  select("Down", axes, down, (place) => { down = place; draw(); });
  const values = grid.axes.map((axis, place) =>
    select(axis.title, axis.values.map((value, index) => [index, value.title]), 0, (index) => {
      chosen[place] = index;
      draw();
    }));
  const sizing = make("div");
  const sized = make("label", "Size");
  const size = make("input");
  Object.assign(size, { type: "range", min: "4", max: "60", value: "14" });
  size.addEventListener("input", () =>
    document.documentElement.style.setProperty("--side", size.value + "rem"));
  size.id = sized.htmlFor = "size";
  sizing.append(sized, size);
  controls.append(sizing);

  const at = (x, y) => {
    const places = chosen.slice();
    if (across >= 0) places[across] = x;
    if (down >= 0) places[down] = y;
    const values = places.map((place, axis) => grid.axes[axis].values[place]);
    const path = values.map((value) => value.key).join("/");
    const words = values.map((value, axis) => grid.axes[axis].title + ": " + value.title).join(", ");
    return { path, words, file: path + "." + (grid.endings[path] || grid.ending) };
  };

  const cell = (x, y) => {
    const about = at(x, y);
    const button = make("button");
    button.type = "button";
    button.setAttribute("aria-label", about.words);
    const image = make("img");
    image.alt = "";
    image.loading = "lazy";
    image.addEventListener("error", () => button.replaceChildren("no image"));
    image.src = about.file;
    button.append(image);
    const place = shown.push(about) - 1;
    button.addEventListener("click", () => open(place));
    const box = make("td");
    box.append(button);
    return box;
  };

  const draw = () => {
    values.forEach((field, place) => { field.hidden = place === across || place === down; });
    if (down === across) down = -1;
    controls.querySelectorAll("select")[1].value = String(down);
    shown = [];
    const columns = across < 0 ? [{ title: "" }] : grid.axes[across].values;
    const rows = down < 0 ? [{ title: "" }] : grid.axes[down].values;
    const head = make("tr");
    const corner = make("th");
    head.append(corner, ...columns.map((column) => {
      const title = make("th", column.title);
      title.scope = "col";
      return title;
    }));
    const top = make("thead");
    top.append(head);
    const body = make("tbody");
    rows.forEach((row, y) => {
      const line = make("tr");
      const title = make("th", row.title);
      title.scope = "row";
      line.append(title, ...columns.map((_, x) => cell(x, y)));
      body.append(line);
    });
    table.replaceChildren(top, body);
  };

  const open = (place) => {
    current = (place + shown.length) % shown.length;
    const about = shown[current];
    part("words").textContent = about.words;
    part("picture").src = about.file;
    part("picture").alt = about.words;
    part("about").textContent = grid.metadata[about.path] || "";
    if (!large.open) large.showModal();
  };

  part("close").addEventListener("click", () => large.close());
  part("before").addEventListener("click", () => open(current - 1));
  part("after").addEventListener("click", () => open(current + 1));
  large.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") open(current - 1);
    if (event.key === "ArrowRight") open(current + 1);
  });
  draw();
})();
