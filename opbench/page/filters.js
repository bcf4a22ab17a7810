// Filters of every network on the page: by library, data, input size, family and year.

const FILTERS = {
  lib: { label: "Library", of: (network) => network.library ?? "built-in" },
  on: { label: "Trained on", of: (network) => network.trained_on, words: groupLabel },
  size: { label: "Input size", of: (network) => network.input_size, words: inputWords },
  fam: { label: "Family", of: (network) => network.family, words: familyLabel, byName: true },
};

const OTHERS = ""; // the family of those without a colour of their own

const chipOf = (network) => (WITH_COLOUR.has(network.family) ? network.family : OTHERS);

const chipLabel = (chip) => (chip === OTHERS ? "others" : familyLabel(chip));

// A test of networks for all filters but one.
function filterTest(except = "") {
  const keys = Object.keys(FILTERS).filter((key) => state[key] && key !== except);
  const [since, until] = [Number(state.since), Number(state.until)];
  return (network) => keys.every((key) => FILTERS[key].of(network) === state[key])
    && (!since || network.year >= since) && (!until || (known(network.year) && network.year <= until));
}

// Distinct values and how many networks have each, the most frequent first.
function tally(networks, key) {
  const { of, byName, words = String } = FILTERS[key];
  const found = new Map();
  for (const network of networks) if (known(of(network))) found.set(of(network), (found.get(of(network)) ?? 0) + 1);
  const byWords = (a, b) => words(a[0]).localeCompare(words(b[0]), "en", { numeric: true });
  return [...found].sort(byName ? byWords : (a, b) => b[1] - a[1] || byWords(a, b));
}

function showFilters() {
  byId("filters").hidden = !DATA.zoo.count;
  if (!DATA.zoo.count) return;
  // Folded on a phone, until one of them is in force.
  if (!isNarrow() || FILTER_KEYS.some((key) => state[key])) byId("filters").open = true;
  const here = population();
  for (const [key, { words = String }] of Object.entries(FILTERS)) {
    const there = tally(here.filter(filterTest(key)), key);
    if (state[key] && !there.some(([value]) => value === state[key])) there.push([state[key], 0]);
    fill(key, [{ key: "", label: "any" }, ...there.map(([value, times]) => ({ key: value, label: `${words(value)} (${times})` }))], state[key]);
  }
  const years = [...new Set(here.map((network) => network.year).filter(known))].sort((a, b) => a - b).map(String);
  fill("since", [{ key: "", label: "any" }, ...years.map((key) => ({ key, label: key }))], state.since);
  fill("until", [{ key: "", label: "any" }, ...years.map((key) => ({ key, label: key }))], state.until);
}

const FILTER_KEYS = [...Object.keys(FILTERS), "since", "until"];

const noFilters = () => Object.fromEntries(FILTER_KEYS.map((key) => [key, ""]));

// The filters in force, in words.
function chosenWords() {
  const { lib, on, size, fam, since, until } = state;
  return [fam ? `of ${familyLabel(fam)}` : "", lib ? (lib === "built-in" ? "built in" : `of ${lib}`) : "",
    on ? `trained on ${groupLabel(on)}` : "", size ? `at ${inputWords(size)}` : "",
    since ? `since ${since}` : "", until ? `until ${until}` : ""];
}
