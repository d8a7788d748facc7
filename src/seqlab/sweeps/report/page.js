"use strict";
// Sorts a table by the column whose heading is pressed; pressed again, the other way round.
// Numbers sort as numbers, texts as texts, and what is empty stays last either way.
const key = (row, column) => {
  const cell = row.cells[column];
  const text = cell.dataset.key ?? cell.textContent.trim();
  return text === "–" ? "" : text;
};

const compare = (column, rows) => {
  const filled = rows.map((row) => key(row, column)).filter((text) => text !== "");
  return filled.every((text) => !Number.isNaN(Number(text)))
    ? (a, b) => (Number(a) < Number(b) ? -1 : Number(a) > Number(b) ? 1 : 0)
    : (a, b) => a.localeCompare(b, "en", { numeric: true });
};

const sort = (table, column) => {
  const heads = [...table.tHead.rows[0].cells];
  const sign = heads[column].getAttribute("aria-sort") === "ascending" ? -1 : 1;
  heads.forEach((head) => head.removeAttribute("aria-sort"));
  heads[column].setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const order = compare(column, rows);
  const keyed = rows.map((row) => [key(row, column), row]);
  keyed.sort(([a], [b]) => (a === "") - (b === "") || (a === "" ? 0 : sign * order(a, b)));
  body.append(...keyed.map(([, row]) => row));
};

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(table, column));
    head.append(button);
  });
}
