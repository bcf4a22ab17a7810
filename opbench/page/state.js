// What the reader chose.  It lives in the URL's fragment, so that a view can be shared.

const DEFAULTS = Object.freeze({
  data: DATA.datasets[0]?.key ?? "imagenet",
  x: "macs", y: "top1", log: "1", front: "1",
  at: "", runtime: "eager", dtype: "", batch: "",
  lib: "", on: "", size: "", fam: "", since: "", until: "",
  off: "", q: "", src: "0", sort: DATA.zoo.count ? "-best" : "-y", cols: "0", pick: "",
});

const state = { ...DEFAULTS, max: {}, mine: [] };

// Families that are switched off, as a set.
const familiesOff = () => new Set(state.off ? JSON.parse(state.off) : []);

function setFamiliesOff(families) {
  state.off = families.size ? JSON.stringify([...families].sort()) : "";
}

function readFragment() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const key of Object.keys(DEFAULTS)) state[key] = given.get(key) ?? DEFAULTS[key];
  state.max = {};
  for (const key of DATA.budgets) {
    const limit = Number(given.get(`max.${key}`));
    if (given.has(`max.${key}`) && limit > 0 && Number.isFinite(limit)) state.max[key] = limit;
  }
  state.mine = given.getAll("mine").map(mineOf).filter(Boolean).slice(0, MOST_OF_MINE);
  mendState();
}

// A fragment is typed by anyone: what cannot be is the default instead.
function mendState() {
  const choices = {
    data: DATA.datasets.map((each) => each.key),
    x: DATA.costs, y: DATA.gains, log: ["0", "1"], front: ["0", "1"], src: ["0", "1"], cols: ["0", "1"],
  };
  for (const [key, allowed] of Object.entries(choices)) {
    if (!allowed.includes(state[key])) state[key] = DEFAULTS[key];
  }
  for (const key of ["since", "until"]) if (!/^\d{4}$/.test(state[key])) state[key] = "";
  try {
    if (!Array.isArray(JSON.parse(state.off || "[]"))) state.off = "";
  } catch {
    state.off = "";
  }
}

// A picked network is a place of its own, which the browser's Back leaves.
function writeFragment() {
  const kept = new URLSearchParams();
  for (const [key, usual] of Object.entries(DEFAULTS)) {
    if (state[key] !== usual) kept.set(key, state[key]);
  }
  for (const [key, limit] of Object.entries(state.max)) kept.set(`max.${key}`, String(limit));
  for (const mine of state.mine) kept.append("mine", mineText(mine));
  const text = kept.toString();
  const before = new URLSearchParams(location.hash.slice(1)).get("pick") ?? "";
  const write = state.pick && state.pick !== before ? "pushState" : "replaceState";
  history[write](null, "", text ? `#${text}` : location.pathname + location.search);
}
