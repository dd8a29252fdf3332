// Filters, jumps and keys. The page holds everything without it; it only hides and opens what is there.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");
  const all = (selector, from) => Array.from((from || document).querySelectorAll(selector));
  const byId = (id) => document.getElementById(id);
  const checks = all(".check");
  const images = all("details.image");
  const groups = all(".image details.rest");
  const buttons = all("[data-show]");
  const search = byId("search");
  const initial = new Map(all("details").map((it) => [it, it.open]));
  const state = { show: new Set(), q: "", at: "" };

  // The words of each check that a search looks through, gathered when the first search begins.
  const words = new Map();
  const textOf = (check) => {
    if (!words.has(check)) {
      const image = check.closest(".image").querySelector("h2").textContent;
      const parts = all("summary .name, summary .tag, summary .badge, .message", check);
      words.set(check, [image, ...parts.map((it) => it.textContent)].join("\n").toLowerCase());
    }
    return words.get(check);
  };

  const isShown = (check, terms) => {
    const kinds = [check.dataset.verdict, ...(check.dataset.also || "").split(" ")];
    const fits = state.show.size === 0 || kinds.some((kind) => state.show.has(kind));
    return fits && terms.every((term) => textOf(check).includes(term));
  };

  const apply = () => {
    const terms = state.q.toLowerCase().split(/\s+/).filter(Boolean);
    const filtered = terms.length > 0 || state.show.size > 0;
    let found = 0;
    for (const check of checks) {
      check.hidden = filtered && !isShown(check, terms);
      found += check.hidden ? 0 : 1;
    }
    for (const group of [...groups, ...images]) {
      const some = group.querySelector(".check:not([hidden])") !== null;
      group.hidden = filtered && !some;
      group.open = filtered ? some : initial.get(group);
    }
    for (const link of all(".failures li, .timeline a")) {
      const target = byId((link.querySelector("a") || link).getAttribute("href").slice(1));
      link.classList.toggle("faded", target !== null && target.hidden);
    }
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(state.show.has(button.dataset.show)));
    }
    if (search.value !== state.q) search.value = state.q;
    byId("found").textContent = filtered
      ? (found === 0 ? "Nothing is like that." : found + " of " + checks.length + " checks")
      : "";
    byId("clear").hidden = !filtered;
    root.classList.toggle("filtered", filtered);
  };

  // The view is in the address, so that a link shows the same.
  const read = () => {
    const hash = location.hash.slice(1);
    const values = /^c\d+$/.test(hash) ? new URLSearchParams({ at: hash }) : new URLSearchParams(hash);
    const known = new Set(buttons.map((it) => it.dataset.show));
    state.show = new Set((values.get("show") || "").split(",").filter((it) => known.has(it)));
    state.q = values.get("q") || "";
    state.at = /^c\d+$/.test(values.get("at") || "") ? values.get("at") : "";
  };
  const write = () => {
    const values = new URLSearchParams();
    if (state.show.size) values.set("show", [...state.show].join(","));
    if (state.q) values.set("q", state.q);
    if (state.at) values.set("at", state.at);
    const hash = values.toString().replace(/%2C/g, ",");
    try {
      history.replaceState(null, "", hash ? "#" + hash : location.href.split("#")[0]);
    } catch (error) {
      // Some browsers refuse it for files, or when it comes too often; the view is right anyway.
    }
  };
  const change = (values) => {
    Object.assign(state, values);
    write();
    apply();
  };
  const showAll = () => change({ show: new Set(), q: "" });

  const jump = (id) => {
    const check = byId(id);
    if (!check || !check.matches(".check")) return;
    state.at = id;
    if (check.hidden) showAll();
    else write();
    for (let it = check; it; it = it.parentElement) if (it.tagName === "DETAILS") it.open = true;
    for (const other of all(".current")) other.classList.remove("current");
    check.classList.add("current");
    const go = () => check.scrollIntoView({ block: "start" });
    go();
    // What was never drawn has no height yet; once more when it has.
    requestAnimationFrame(go);
    check.querySelector("summary").focus({ preventScroll: true });
  };

  const step = (by) => {
    const bad = checks.filter((it) => it.matches(".failed, .error") && !it.hidden);
    if (bad.length === 0) return;
    const here = bad.indexOf(byId(state.at));
    const next = here < 0 ? (by > 0 ? 0 : bad.length - 1) : here + by;
    if (next >= 0 && next < bad.length) jump(bad[next].id);
  };

  // The timeline.
  const timeline = document.querySelector(".timeline");
  const readout = timeline && timeline.querySelector(".readout");
  const tell = (bar) => {
    const check = byId(bar.getAttribute("href").slice(1));
    const time = check.querySelector("summary .time");
    const image = check.closest(".image").querySelector("h2").textContent;
    const svg = bar.ownerSVGElement;
    const start = bar.querySelector("rect").x.baseVal.value / 1000 * Number(svg.dataset.span);
    readout.replaceChildren();
    const add = (name, text) => {
      const part = document.createElement("span");
      part.className = name;
      part.textContent = text;
      readout.append(part, " ");
    };
    add("verdict " + check.dataset.verdict, check.dataset.verdict);
    add("name", check.querySelector("summary .name").textContent);
    add("image", image);
    add("when", (time ? time.textContent + " " : "") + "from " + start.toFixed(2) + " s on, worker " + bar.dataset.lane);
  };
  if (timeline) {
    const begin = (bar) => bar.querySelector("rect").x.baseVal.value;
    const bars = all(".lanes a", timeline).sort((a, b) => begin(a) - begin(b));
    const go = (from, by) => {
      const bar = bars[Math.min(Math.max(bars.indexOf(from) + by, 0), bars.length - 1)];
      from.setAttribute("tabindex", "-1");
      bar.removeAttribute("tabindex");
      bar.focus();
    };
    for (const kind of ["pointerover", "focusin"]) {
      timeline.addEventListener(kind, (event) => {
        const bar = event.target.closest("a");
        if (bar) tell(bar);
      });
    }
    timeline.addEventListener("keydown", (event) => {
      const bar = event.target.closest("a");
      const by = { ArrowRight: 1, ArrowLeft: -1, Home: -bars.length, End: bars.length }[event.key];
      if (!bar || !by || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      go(bar, by);
    });
    let zoom = 1;
    for (const button of all("[data-zoom]", timeline)) {
      button.addEventListener("click", () => {
        const lanes = timeline.querySelector(".lanes");
        const middle = (lanes.scrollLeft + lanes.clientWidth / 2) / lanes.scrollWidth;
        zoom = Math.min(Math.max(zoom * Number(button.dataset.zoom), 1), 64);
        lanes.firstElementChild.style.width = zoom * 100 + "%";
        lanes.scrollLeft = middle * lanes.scrollWidth - lanes.clientWidth / 2;
      });
    }
  }

  // To the clipboard; without the newer way, which not every browser has for files, by the older.
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch (error) {
      const area = document.createElement("textarea");
      area.value = text;
      area.className = "hidden";
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  };

  document.addEventListener("click", async (event) => {
    const target = event.target;
    const link = target.closest("a[href^='#c']");
    const button = target.closest("button");
    if (link && /^#c\d+$/.test(link.getAttribute("href")) && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      jump(link.getAttribute("href").slice(1));
    } else if (button && button.matches(".copy")) {
      const done = await copy(button.parentElement.nextElementSibling.textContent);
      button.textContent = done ? "Copied" : "Copying failed";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    } else if (button && button.dataset.show) {
      const show = new Set(state.show);
      if (!show.delete(button.dataset.show)) show.add(button.dataset.show);
      change({ show });
    } else if (button && button.id === "clear") {
      showAll();
      search.focus();
    }
  });

  let typing = 0;
  search.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => change({ q: search.value }), checks.length > 1000 ? 150 : 0);
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && (state.q || state.show.size || event.target === search)) {
      showAll();
      search.blur();
      return;
    }
    if (event.target.matches("input, textarea, select")) return;
    if (event.key === "/") {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
  });

  // Light or dark: as the system has it, until the reader says otherwise.
  const theme = byId("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const kept = (value) => {
    try {
      if (value) localStorage.setItem("seatrial-theme", value);
      return localStorage.getItem("seatrial-theme");
    } catch (error) {
      return value;
    }
  };
  const isDark = () => (root.dataset.theme || (dark.matches ? "dark" : "light")) === "dark";
  const paint = (value) => {
    if (value === "dark" || value === "light") root.dataset.theme = value;
    theme.textContent = isDark() ? "Light" : "Dark";
  };
  theme.addEventListener("click", () => {
    const value = isDark() ? "light" : "dark";
    kept(value);
    paint(value);
  });
  dark.addEventListener("change", () => paint());
  paint(kept());

  // On paper nothing can be opened any more.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all(".check.failed, .check.error, .image").filter((it) => !it.open);
    for (const it of closed) it.open = true;
  });
  addEventListener("afterprint", () => {
    for (const it of closed) it.open = false;
  });

  const start = () => {
    read();
    apply();
    if (state.at) jump(state.at);
  };
  addEventListener("hashchange", start);
  start();
})();
