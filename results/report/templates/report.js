"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  // Texts are only ever set as text, so that a name is a name whatever it holds.
  const made = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const named = (name) => made("bdi", {}, name);

  // The table: sorted by a column, narrowed by scorer and by group of protocols.
  const table = at("accuracies");
  const headings = [...table.tHead.rows[0].cells];
  const order = (row, place, text) => {
    const cell = row.cells[place];
    if (text) return row.dataset.name.toLowerCase();
    return cell.dataset.order === "" ? null : Number(cell.dataset.order);
  };
  const sort = (place) => {
    const heading = headings[place];
    const text = heading.dataset.kind === "text";
    const before = heading.getAttribute("aria-sort");
    const rising = before ? before === "descending" : text;
    for (const other of headings) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
    for (const body of table.tBodies) {
      const rows = [...body.rows].filter((row) => row.dataset.name !== undefined);
      rows.sort((one, other) => {
        const [a, b] = [order(one, place, text), order(other, place, text)];
        if (a === null || b === null) return (a === null) - (b === null);
        const by = a < b ? -1 : a > b ? 1 : 0;
        return rising ? by : -by;
      });
      body.append(...rows);
    }
  };
  headings.forEach((heading, place) => {
    const button = made("button", { type: "button" });
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => sort(place));
  });
  const narrow = () => {
    const part = at("scorer-filter").value.trim().toLowerCase();
    const group = at("group-filter").value;
    let shown = 0;
    for (const body of table.tBodies) {
      for (const row of body.rows) {
        if (row.dataset.name === undefined) continue;
        row.hidden = !row.dataset.name.toLowerCase().includes(part);
        shown += !row.hidden;
      }
    }
    headings.forEach((heading, place) => {
      const away = group !== "" && heading.dataset.group !== undefined && heading.dataset.group !== group;
      heading.hidden = away;
      for (const body of table.tBodies) {
        for (const row of body.rows) if (row.dataset.name !== undefined) row.cells[place].hidden = away;
      }
    });
    at("table-count").textContent = part || group ? `${shown} rows` : "";
  };
  at("scorer-filter").addEventListener("input", narrow);
  at("group-filter").addEventListener("change", narrow);
  at("bars").addEventListener("change", (event) => table.classList.toggle("no-bars", !event.target.checked));

  // The table as text.
  for (const button of document.querySelectorAll(".copy")) {
    button.addEventListener("click", async () => {
      const area = at("copy-text");
      area.hidden = false;
      area.value = data.copies[button.dataset.copy];
      let copied = false;
      try {
        await navigator.clipboard.writeText(area.value);
        copied = true;
      } catch {
        area.select();
      }
      at("copied").textContent = copied
        ? `${button.dataset.copy} is copied.`
        : `${button.dataset.copy} is selected below; copy it.`;
    });
  }

  // What marks mean: at the pointer, and where the keyboard is.
  const tip = made("div", { id: "tip", role: "tooltip", hidden: "" });
  document.body.append(tip);
  const explain = (mark) => {
    tip.textContent = mark.dataset.tip;
    tip.hidden = false;
    const box = mark.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(box.left, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${box.bottom + tip.offsetHeight + 8 > innerHeight ? box.top - tip.offsetHeight - 6 : box.bottom + 6}px`;
  };
  for (const mark of document.querySelectorAll(".mark")) {
    for (const name of ["mouseenter", "focus", "click"]) mark.addEventListener(name, () => explain(mark));
    for (const name of ["mouseleave", "blur"]) mark.addEventListener(name, () => { tip.hidden = true; });
  }
  addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });
  addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });

  // Only one protocol.
  const only = at("only");
  if (only) {
    only.addEventListener("change", () => {
      for (const part of document.querySelectorAll("[data-column]")) {
        part.hidden = only.value !== "" && part.dataset.column !== only.value;
      }
      const place = data.trials.findIndex((one) => one.column === only.value);
      if (place >= 0) {
        at("trial-protocol").value = String(place);
        open(place);
      }
    });
  }

  // Tiles: parts of a sheet of images.
  const sheets = data.trials.map(({ sheet }) => {
    const picture = new Image();
    if (sheet) picture.src = sheet.url;
    return { picture, ready: sheet ? picture.decode() : null };
  });
  const tile = (sheet, place, label) => {
    const about = data.trials[sheet].sheet;
    const element = made("canvas", { class: `tile${about.ink ? " ink" : ""}` });
    if (label) {
      element.setAttribute("role", "img");
      element.setAttribute("aria-label", label);
    }
    element.style.setProperty("--aspect", String(about.aspect));
    // Each tile has pixels of its own: a page that shows parts of one large picture prints slowly.
    sheets[sheet].ready.then(() => {
      const { picture } = sheets[sheet];
      const [width, height] = [picture.naturalWidth / about.across, picture.naturalHeight / about.down];
      [element.width, element.height] = [width, height];
      const [column, row] = [place % about.across, Math.floor(place / about.across)];
      element.getContext("2d").drawImage(picture, column * width, row * height, width, height, 0, 0, width, height);
    });
    return element;
  };
  for (const box of document.querySelectorAll(".drawings")) {
    const sheet = Number(box.dataset.sheet);
    box.append(...box.dataset.tiles.split(" ").map((place) => tile(sheet, Number(place), "")));
  }

  // The browser of trials.
  const PAGE = 12;
  let place = 0;
  let page = 0;
  let found = [];
  const options = (select, first, names) => {
    select.replaceChildren(made("option", { value: "" }, first));
    names.forEach(([value, name]) => select.append(made("option", { value: String(value) }, name)));
  };
  const captioned = (kind, tiles, ...words) =>
    made("figure", { class: kind }, ...tiles, made("figcaption", {}, ...words));
  const signed = (margin) => `${margin > 0 ? "+" : ""}${margin}`;

  const card = (index) => {
    const { names, scorers, trials, support, answers, scores } = data.trials[place];
    const [episode, query, target, alphabet, character, drawer, image] = trials[index];
    const wrong = at("trial-wrong").value;
    const who = wrong === "" ? Math.max(0, answers.findIndex((one) => one[index][1] < 1)) : Number(wrong);
    const classes = support[episode];
    const called = (way) => {
      if (!classes[way] || classes[way][0] < 0) return `class ${way}`;
      const name = names[classes[way][0]];
      const own = `${names[alphabet]}/`;
      return name.startsWith(own) ? name.slice(own.length) : name;
    };
    const pictures = (way, label) => (classes[way] ? classes[way][1] : []).map((one) => tile(place, one, label));
    const chosen = answers[who][index][0];
    const box = made("li", { class: "trial" });
    box.append(made("h3", {}, `Episode ${episode}, query ${query}: `, named(names[character]), ", drawer ", named(names[drawer])));
    if (image >= 0) {
      const asked = made("div", { class: "asked" });
      asked.append(captioned("", [tile(place, image, "query")], "query"));
      asked.append(captioned("right", pictures(target, `right: ${called(target)}`), "right: ", named(called(target))));
      if (answers[who][index][1] < 1) {
        asked.append(captioned("chosen", pictures(chosen, `chosen: ${called(chosen)}`), "chosen by ", named(scorers[who]), ": ", named(called(chosen))));
      }
      box.append(asked);
    }
    const head = made("tr", {}, ...["scorer", "chose", "margin"].map((name) => made("th", { scope: "col" }, name)));
    const body = made("tbody");
    scorers.forEach((scorer, number) => {
      const [predicted, credit, margin] = answers[number][index];
      const kind = credit === 1 ? "correct" : "wrong";
      const said = credit === 1 ? ["✓ right"] : credit > 0 ? [`tied, credit ${credit}`] : ["✗ ", named(called(predicted))];
      body.append(made("tr", {}, made("th", { scope: "row" }, named(scorer)), made("td", { class: kind }, ...said), made("td", {}, signed(margin))));
    });
    box.append(made("table", { class: "answers" }, made("thead", {}, head), body));
    if (image >= 0 || (scores[who] && classes.length)) {
      const more = made("details", {}, made("summary", {}, `Support: all ${classes.length} classes`));
      more.addEventListener("toggle", () => {
        if (!more.open || more.childElementCount > 1) return;
        const all = made("div", { class: "support" });
        classes.forEach((one, way) => {
          const kind = way === target ? "right" : way === chosen ? "chosen" : "";
          const words = [named(called(way))];
          if (way === target) words.push(" (right)");
          else if (way === chosen) words.push(" (chosen)");
          const score = scores[who] && scores[who][index][way];
          if (score !== undefined && score !== null) words.push(made("br"), `score ${score}`);
          all.append(captioned(kind, pictures(way, called(way)), ...words));
        });
        more.append(all);
      });
      box.append(more);
    }
    return box;
  };

  const show = () => {
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    page = Math.min(Math.max(page, 0), pages - 1);
    at("trial-list").replaceChildren(...found.slice(page * PAGE, (page + 1) * PAGE).map(card));
    at("trial-count").textContent = `${found.length} of ${data.trials[place].trials.length} trials`;
    at("trial-page").textContent = `page ${page + 1} of ${pages}`;
    at("trial-before").disabled = page === 0;
    at("trial-after").disabled = page >= pages - 1;
  };
  const choose = () => {
    const { trials, answers } = data.trials[place];
    const [wrong, right, alphabet] = ["wrong", "right", "alphabet"].map((name) => at(`trial-${name}`).value);
    const most = at("trial-margin").value === "" ? Infinity : Number(at("trial-margin").value);
    const credit = (who, index) => answers[who][index][1];
    const lowest = (index) => (wrong === "" ? Math.min(...answers.map((one) => one[index][2])) : answers[wrong][index][2]);
    found = trials.map((_, index) => index).filter((index) =>
      (wrong === "" ? answers.some((one) => one[index][1] < 1) : credit(wrong, index) < 1)
      && (right === "" || credit(right, index) === 1)
      && (alphabet === "" || trials[index][3] === Number(alphabet))
      && lowest(index) <= most);
    const by = at("trial-order").value;
    if (by === "worst") found.sort((a, b) => lowest(a) - lowest(b));
    if (by === "close") found.sort((a, b) => Math.abs(lowest(a)) - Math.abs(lowest(b)));
    page = 0;
    show();
  };
  const open = (number) => {
    place = number;
    const { names, scorers, trials } = data.trials[place];
    options(at("trial-wrong"), "any scorer", scorers.map((name, i) => [i, name]));
    options(at("trial-right"), "no one in particular", scorers.map((name, i) => [i, name]));
    const alphabets = [...new Set(trials.map((one) => one[3]))].map((one) => [one, names[one]]);
    alphabets.sort((one, other) => (one[1] < other[1] ? -1 : 1));
    options(at("trial-alphabet"), "all", alphabets);
    const fails = data.trials[place].answers.findIndex((one) => one.some((answer) => answer[1] < 1));
    at("trial-wrong").value = String(Math.max(0, fails));
    choose();
  };
  if (data.trials.length) {
    at("browser").addEventListener("submit", (event) => event.preventDefault());
    at("trial-protocol").addEventListener("change", (event) => open(Number(event.target.value)));
    for (const name of ["wrong", "right", "alphabet", "order"]) at(`trial-${name}`).addEventListener("change", choose);
    at("trial-margin").addEventListener("input", choose);
    at("trial-before").addEventListener("click", () => { page -= 1; show(); });
    at("trial-after").addEventListener("click", () => { page += 1; show(); });
    open(0);
    if (data.start && data.trials[0].scorers.length === 2) at("trial-wrong").value = "";
    choose();
  }

  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("main details")) part.open = true;
  });
  if (data.start && !location.hash) at(data.start)?.scrollIntoView();
})();
