// Words, numbers and elements.  Text from files only ever becomes a text node.

const DATA = JSON.parse(document.getElementById("island").textContent);
const byId = (id) => document.getElementById(id);

// An element; `on…` attributes are listeners, false and null ones are left out.
function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child != null && child !== ""));
  return element;
}

// A link where the address is one of the web's; else its words alone.
function link(words, address) {
  if (!/^https?:\/\//i.test(address ?? "")) return document.createTextNode(words ?? "");
  return el("a", { href: address, rel: "noopener noreferrer", target: "_blank" }, words ?? address);
}

// The bytes that base64 stands for; a loop, since millions of calls take a tenth of a second.
function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const letters = atob(base64);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i += 1) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

// What lies packed in the page: gzip, as base64.
async function unpacked(packed) {
  const stream = new Blob([bytesOf(packed)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

// plotly reads a little HTML in its texts: what is text has to stay text.
const plotlyText = (text) =>
  String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

// A sentence whose `commands` are set as code.
const withCode = (text) => text.split("`").map((part, i) => (i % 2 ? el("code", {}, part) : part));

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
// The operators of a network that no rule covers; none is the empty text.
function uncountedWords(point) {
  return (point.uncounted ?? []).join(", ");
}

const known = (value) => value !== null && value !== undefined;

// Three significant digits, thousands apart, and no more zeros than are known.
function digits(value, significant = 3) {
  const whole = Math.abs(value) >= 10 ** (significant - 1);
  return value.toLocaleString("en", whole
    ? { maximumFractionDigits: 0 }
    : { maximumSignificantDigits: significant });
}

const isPercentage = (key) => DATA.metrics[key].unit === "%";

// A value of a metric on paper, without and with its unit.
function scaled(key, value) {
  if (!known(value)) return "–";
  if (isPercentage(key)) return value.toFixed(1);
  return digits(value * DATA.metrics[key].scale);
}
const withUnit = (key, value) => `${scaled(key, value)} ${DATA.metrics[key].unit}`.replace(" %/M", " % per M");

const withLabel = (key, value) => `${DATA.metrics[key].label} ${withUnit(key, value)}`;

const axisTitle = (key) => `${sentence(DATA.metrics[key].label)} [${DATA.metrics[key].unit}]`;

const familyLabel = (family) => DATA.family_labels[family] ?? family;

const inputWords = (size) => (size ? size.replaceAll("x", " × ") : "–");
