// What browser.py asks of a page, run by the driver: each function returns defects as sentences, none when all is well.
const text = (node) => node.textContent.trim().replace(/\s+/g, " ").slice(0, 60);
const where = (element) => {
  const name = element.id ? `#${element.id}` : [...element.classList].map((one) => `.${one}`).join("");
  return `<${element.localName}${name}> "${text(element)}"`;
};
const isShown = (element) =>
  element.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true })
  && element.getClientRects().length > 0;

// MARK: Colours

const parsed = (colour) => {
  const parts = colour.match(/-?[\d.]+(e-?\d+)?/g).map(Number);
  const [red, green, blue, alpha = 1] = parts;
  return colour.startsWith("color(") ? [red * 255, green * 255, blue * 255, alpha] : [red, green, blue, alpha];
};
const over = (upper, lower) =>
  [0, 1, 2].map((index) => upper[index] * upper[3] + lower[index] * (1 - upper[3])).concat(1);
const background = (element) => {
  const layers = [];
  for (let node = element; node; node = node.parentElement) {
    layers.push(parsed(getComputedStyle(node).backgroundColor));
    if (layers.at(-1)[3] === 1) break;
  }
  return layers.reduceRight((lower, upper) => over(upper, lower), [255, 255, 255, 1]);
};
const luminance = (colour) => {
  const [red, green, blue] = colour.slice(0, 3).map((octet) => {
    const value = octet / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const ratio = (colour, ground) => {
  const [low, high] = [luminance(over(parsed(colour), ground)), luminance(ground)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};

// MARK: Boxes

const textNodes = function* () {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (!node.data.trim() || !isShown(node.parentElement)) continue;
    if (node.parentElement.closest("title, script, style, option")) continue;
    yield node;
  }
};
// The parts of a text that can be seen: cut where an ancestor scrolls.
const boxes = (node) => {
  const range = document.createRange();
  range.selectNodeContents(node);
  const clips = [];
  for (let element = node.parentElement; element; element = element.parentElement) {
    if (getComputedStyle(element).overflowX !== "visible") clips.push(element.getBoundingClientRect());
  }
  return [...range.getClientRects()].map((box) => clips.reduce((rest, clip) => ({
    left: Math.max(rest.left, clip.left), right: Math.min(rest.right, clip.right),
    top: Math.max(rest.top, clip.top), bottom: Math.min(rest.bottom, clip.bottom),
  }), box)).filter((box) => box.right - box.left > 1 && box.bottom - box.top > 1);
};
const overlap = (one, other, slack) =>
  Math.min(one.right, other.right) - Math.max(one.left, other.left) > slack
  && Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > slack;

const focusable = () =>
  [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary, iframe, [tabindex='0']")]
    .filter((element) => isShown(element) && !element.disabled);

const audits = {
  // Structure beyond what the accessibility tree tells.
  structure() {
    const defects = [];
    const all = (selector) => [...document.querySelectorAll(selector)];
    if (!document.documentElement.lang) defects.push("no lang");
    if (!document.title.trim()) defects.push("no title");
    if (all("h1").length !== 1) defects.push(`${all("h1").length} h1`);
    const levels = all("h1, h2, h3, h4, h5, h6").map((heading) => Number(heading.localName[1]));
    levels.forEach((level, index) => {
      if (level > (levels[index - 1] ?? 0) + 1) defects.push(`heading ${index + 1} of level ${level} leaves a gap`);
    });
    for (const name of ["header", "nav", "main", "footer"]) {
      if (all(name).length !== 1) defects.push(`${all(name).length} ${name}`);
    }
    for (const element of document.body.children) {
      if (!element.matches("header, main, footer, .skip")) defects.push(`outside of the landmarks: ${where(element)}`);
    }
    const ids = all("[id]").map((element) => element.id);
    ids.filter((id, index) => ids.indexOf(id) !== index).forEach((id) => defects.push(`id ${id} twice`));
    for (const name of ["aria-labelledby", "aria-describedby", "aria-controls", "for"]) {
      for (const element of all(`[${name}]`)) {
        for (const id of element.getAttribute(name).split(/\s+/)) {
          if (!document.getElementById(id)) defects.push(`${name} of ${where(element)} leads nowhere`);
        }
      }
    }
    for (const table of all("table")) {
      if (!table.querySelector("th")) defects.push(`no th in a table: ${where(table)}`);
      if (!table.caption && !table.closest("[aria-label], [aria-labelledby]")) defects.push(`no name: ${where(table)}`);
      for (const head of table.querySelectorAll("th:not([scope])")) defects.push(`no scope: ${where(head)}`);
      const columns = table.tHead.rows[0].cells.length;
      for (const row of table.tBodies[0].rows) {
        const cells = [...row.cells].reduce((sum, cell) => sum + cell.colSpan, 0);
        if (cells !== columns) defects.push(`${cells} cells under ${columns} heads: ${where(row)}`);
      }
    }
    return defects;
  },

  // WCAG 1.4.3 and 1.4.11.
  contrast() {
    const defects = [];
    const judge = (colour, ground, least, what) => {
      const value = ratio(colour, ground);
      if (value < least) defects.push(`${value.toFixed(2)}:1 instead of ${least}: ${what}`);
    };
    for (const node of textNodes()) {
      const element = node.parentElement;
      const style = getComputedStyle(element);
      const size = parseFloat(style.fontSize);
      const isLarge = size >= 24 || size >= 18.66 && Number(style.fontWeight) >= 700;
      const colour = element.ownerSVGElement ? style.fill : style.color;
      judge(colour, background(element), isLarge ? 3 : 4.5, where(element));
    }
    for (const control of document.querySelectorAll("input:not([type=hidden]), select, button")) {
      const style = getComputedStyle(control);
      judge(style.color, background(control), 4.5, where(control));
      judge(style.borderTopColor, background(control.parentElement), 3, `border of ${where(control)}`);
    }
    for (const mark of document.querySelectorAll("svg rect")) {
      judge(getComputedStyle(mark).fill, background(mark.ownerSVGElement), 3, `bar ${where(mark)}`);
    }
    return defects;
  },

  // WCAG 2.5.8, without the exception for what has room around it; words within a sentence may be smaller.
  targets() {
    return focusable().filter((element) => !element.matches("[tabindex], iframe")).filter((element) => {
      const box = element.getBoundingClientRect();
      if (box.width >= 24 && box.height >= 24) return false;
      const block = element.closest("p, li, dd, td, th, label");
      const isSentence = block && getComputedStyle(element).display === "inline"
        && block.textContent.trim().length > element.textContent.trim().length;
      return !isSentence && box.right > 0;
    }).map((element) => {
      const box = element.getBoundingClientRect();
      return `${Math.round(box.width)} x ${Math.round(box.height)} px: ${where(element)}`;
    });
  },

  // Nothing to scroll sideways, nothing cut, nothing on top of something else, at a width of so many px.
  layout(width) {
    const defects = [];
    const page = document.scrollingElement;
    // A telephone makes its window as wide as what does not fit, so both are looked at.
    if (innerWidth !== width) defects.push(`the window became ${innerWidth} px wide`);
    if (page.scrollWidth > width) defects.push(`the page is ${page.scrollWidth} px wide`);
    const parts = ["header", "main", "footer"]
      .map((name) => [name, document.querySelector(name).getBoundingClientRect()]);
    parts.forEach(([name, box], index) => {
      if (box.left < 0 || box.right > width + 0.5) defects.push(`${name} leaves the page`);
      const [upper, above] = parts[index - 1] ?? [];
      if (above && box.top < above.bottom - 0.5) defects.push(`${name} lies on ${upper}`);
    });
    const texts = [];
    for (const node of textNodes()) {
      if (node.parentElement.matches(".skip:not(:focus)")) continue;
      for (const box of boxes(node)) {
        if (box.left < -0.5 || box.right > width + 0.5) defects.push(`cut: ${where(node.parentElement)}`);
        texts.push([box, node]);
      }
    }
    texts.forEach(([box, node], index) => {
      for (const [other, another] of texts.slice(index + 1)) {
        if (node !== another && overlap(box, other, 2)) {
          defects.push(`overlap: ${where(node.parentElement)} and ${where(another.parentElement)}`);
        }
      }
    });
    // Texts of one line that do not fit into their box.
    for (const element of document.querySelectorAll("button, h1, h2, dt, dd, td, th, summary, .badge, nav a")) {
      if (isShown(element) && element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0) {
        defects.push(`${element.scrollWidth} px in ${element.clientWidth}: ${where(element)}`);
      }
    }
    return defects;
  },

  // What a reader can see of the page; a chart may have fewer labels on a telephone.
  words: () => [...textNodes()]
    .filter((node) => node.parentElement.closest("main") && !node.parentElement.ownerSVGElement)
    .map((node) => node.data.trim()).join(" "),

  motion() {
    const moving = [...document.querySelectorAll("*")].filter((element) => {
      const style = getComputedStyle(element);
      return style.animationName !== "none" || style.transitionDuration.split(", ").some((time) => parseFloat(time) > 0)
        || style.scrollBehavior === "smooth";
    });
    return moving.map(where);
  },

  // From now on each element that gets the focus is noted, with what can be seen of that.
  watchFocus() {
    const expected = focusable();
    window.focusNotes = [];
    document.addEventListener("focusin", ({ target }) => {
      const style = getComputedStyle(target);
      const ground = background(target.parentElement ?? target);
      const isMarked = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
        && ratio(style.outlineColor, ground) >= 3;
      const look = { index: expected.indexOf(target), name: where(target), isMarked };
      window.focusNotes.push(look);
      // The browser scrolls a moment later, when the focus may be elsewhere already.
      requestAnimationFrame(() => {
        if (document.activeElement !== target) return;
        const now = target.getBoundingClientRect();
        look.isSeen = now.bottom > 0 && now.top < innerHeight && now.right > 0 && now.left < innerWidth;
      });
    });
    return expected.length;
  },

  focusDefects(count) {
    const notes = window.focusNotes;
    // One round: up to where it begins again.
    const again = notes.findIndex((note, index) => index > 0 && note.index === notes[0].index);
    const round = again < 0 ? notes : notes.slice(0, again);
    const defects = [];
    if (again < 0) defects.push(`the focus does not come around: ${notes.at(-1)?.name ?? "nothing has it"}`);
    round.forEach((note, index) => {
      if (note.index < 0) defects.push(`unexpected focus: ${note.name}`);
      const due = (round[0].index + index) % count;
      if (note.index !== due) defects.push(`place ${index + 1} of the order: ${note.name}`);
      if (!note.isMarked) defects.push(`no sign of focus: ${note.name}`);
      if (note.isSeen === false) defects.push(`focus out of sight: ${note.name}`);
    });
    if (round.length !== count) defects.push(`${round.length} of ${count} elements got the focus`);
    return defects;
  },
};
return audits[arguments[0]](...arguments[1]);
