// torchvision's and timm's networks: rows like the built-in ones, each a statement of its library.

const valuesOf = (column) => (Array.isArray(column) ? column : column.at.map((place) => column.values[place]));

function unfolded({ count, columns }) {
  const read = Object.entries(columns).map(([key, column]) => [key, valuesOf(column)]);
  return Array.from({ length: count }, (_, i) => Object.fromEntries(read.map(([key, values]) => [key, values[i]])));
}

const isOfLibrary = (point) => Boolean(point.library);

const BUILT_IN = DATA.networks.slice();
DATA.networks.push(...unfolded(DATA.zoo));

const WITH_COLOUR = new Set(BUILT_IN.map((network) => network.family));

// What a library is asked by to measure it, and how a spreadsheet names it.
const targetOf = (point) => point.target ?? point.name;

const groupLabel = (group) => DATA.zoo.groups[group] ?? "not stated";

// "timm states it", where opbench has it from a library.
const statedBy = (point) => `${point.library} ${point.release}`;

// The name of an architecture, without its weights: what a chart has room for.
const shortLabel = (point) => (isOfLibrary(point) ? point.label.split(".")[0] : point.label);

function libraryProvenance() {
  if (!DATA.zoo.count) return "";
  return el("div", {}, el("h3", {}, "Networks of torchvision and timm"),
    el("p", {}, "Their accuracies and stated costs are facts that the library states, not opbench; the operations, parameters and memory beside them are counted by opbench at the input size that the accuracy is of. The year is that of the family’s paper."),
    el("ul", {}, ...DATA.zoo.libraries.filter((library) => library.count).map((library) => el("li", {},
      link(library.name, library.url), ` ${library.releases.join(", ")}, licence ${library.licence}: ${library.count} accuracies from ${library.accuracies}. `,
      "The licence of each set of weights is among its facts."))));
}
