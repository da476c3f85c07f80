// The console works without this: it only looks again at what is under way, counts while a
// rule is typed, offers words and numbers lines.
"use strict";

// A part with data-live is fetched again every so many seconds, for as long as the page
// that comes says so, and only while somebody looks.
const live = part => {
  const seconds = Number(part.dataset.live);
  if (!seconds) return;
  setTimeout(async () => {
    if (document.hidden) return live(part);
    try {
      const answer = await fetch(location.href, { headers: { "Accept": "text/html" }, redirect: "error" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = answer.ok && page.getElementById(part.id);
      if (next && !next.dataset.live) return location.reload(); // it has ended: what one can do is another
      if (next) { part.replaceWith(next); part = next; }
    } catch { /* the next look may find it again */ }
    live(part);
  }, seconds * 1000);
};
document.querySelectorAll("[data-live]").forEach(live);

// A form with data-count asks what its rule keeps when the typing pauses.
document.querySelectorAll("form[data-count]").forEach(form => {
  const field = form.querySelector("textarea"), said = form.querySelector("output");
  let timer, asked;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      asked?.abort();
      const mine = asked = new AbortController(), body = new URLSearchParams(new FormData(form));
      said.setAttribute("aria-busy", "true");
      try {
        for (let again = true; again; body.set("count", "now")) { // 202: a sample's answer, while all are counted
          const answer = await fetch(form.dataset.count, { method: "POST", body, signal: mine.signal, redirect: "error" });
          said.textContent = answer.ok ? await answer.text() : "";
          said.classList.toggle("exact", said.textContent.includes("\n")); // a place in the rule is marked
          again = answer.status === 202;
        }
      } catch { /* the next one is asked already, or nobody answers */ }
      if (mine === asked) said.removeAttribute("aria-busy");
    }, 400);
  });
});

// A field with data-complete offers, while one types, those of the page's words that begin
// as the word before the caret. Arrows choose, Enter and Tab take, Escape closes.
const words = [...document.querySelectorAll("#words [data-word]")];
let lists = 0;
const complete = field => {
  const list = document.createElement("ul");
  list.id = "offers-" + ++lists;
  list.className = "offers";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", document.getElementById("words").dataset.label);
  list.hidden = true;
  field.after(list);
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", list.id);
  let chosen = -1;
  const begun = () => field.value.slice(0, field.selectionStart).match(/[a-z_][a-z0-9_.]*$/i)?.[0] ?? "";
  const close = () => { list.hidden = true; chosen = -1; field.removeAttribute("aria-activedescendant"); };
  const choose = n => {
    chosen = (n + list.children.length) % list.children.length;
    [...list.children].forEach((option, i) => option.setAttribute("aria-selected", i === chosen));
    field.setAttribute("aria-activedescendant", list.children[chosen].id);
    list.children[chosen].scrollIntoView({ block: "nearest" });
  };
  const take = option => {
    const end = field.selectionStart, word = option.dataset.word;
    close();
    field.setRangeText(word, end - begun().length, end, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    close();
  };
  field.addEventListener("input", () => {
    const word = begun().toLowerCase();
    const fit = word.length < 2 ? [] : words.filter(w => w.dataset.word.startsWith(word) && w.dataset.word !== word).slice(0, 8);
    list.replaceChildren(...fit.map((w, i) => {
      const option = w.cloneNode(true);
      option.id = list.id + "-" + i;
      option.setAttribute("role", "option");
      option.addEventListener("pointerdown", e => { e.preventDefault(); take(option); });
      return option;
    }));
    close();
    list.hidden = fit.length === 0;
  });
  field.addEventListener("keydown", e => {
    if (list.hidden || e.isComposing) return;
    if (e.key === "ArrowDown") choose(chosen + 1);
    else if (e.key === "ArrowUp") choose(chosen < 0 ? -1 : chosen - 1);
    else if ((e.key === "Enter" || e.key === "Tab") && chosen >= 0) take(list.children[chosen]);
    else if (e.key === "Escape") close();
    else return;
    e.preventDefault();
  });
  field.addEventListener("blur", close);
};
if (words.length) document.querySelectorAll("[data-complete]").forEach(complete);

// A text with data-lines has the numbers of its lines beside it, and what is wrong with it
// leads to its line.
document.querySelectorAll("textarea[data-lines]").forEach(text => {
  const around = document.createElement("div"), numbers = document.createElement("div");
  around.className = "lined";
  numbers.className = "numbers";
  numbers.setAttribute("aria-hidden", "true");
  text.before(around);
  around.append(numbers, text);
  const count = () => {
    const n = text.value.split("\n").length;
    if (numbers.childElementCount !== n) numbers.replaceChildren(...Array.from({ length: n }, (_, i) => Object.assign(document.createElement("span"), { textContent: i + 1 })));
    numbers.scrollTop = text.scrollTop;
  };
  text.addEventListener("input", count);
  text.addEventListener("scroll", () => { numbers.scrollTop = text.scrollTop; });
  count();
  document.querySelectorAll("[data-places] code").forEach(place => {
    const line = Number(place.textContent.split(":")[1]);
    if (!line) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "plain";
    place.before(button);
    button.append(place);
    button.addEventListener("click", () => {
      const lines = text.value.split("\n"), from = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
      text.focus();
      text.setSelectionRange(from, from + (lines[line - 1] ?? "").length);
      text.scrollTop = (line - 3) * parseFloat(getComputedStyle(text).lineHeight);
    });
  });
});
