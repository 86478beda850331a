// The module "stillbox": the definitions of steps, types of columns and parameters, errors.

const { defineProperty, freeze, keys, hasOwn } = Object;

/** An error with a kind, a hint and a delay. Reported by its message alone. */
export class StepError extends Error {
  constructor(message, options = {}) {
    super(message, options);
    this.name = new.target.name;
    this.hint = options.hint;
    this.retryAfter = options.retryAfter;
  }
}
export class InputError extends StepError {}
export class ParameterError extends StepError {}
export class InternalError extends StepError {}
export class TransientError extends StepError {}

/** Thrown to drop the row, with a reason. */
export class Drop extends Error {}

const show = (value) => (typeof value === "string" ? JSON.stringify(value) : ["number", "boolean"].includes(typeof value) || value === null ? String(value) : Array.isArray(value) ? "a list" : `a value of type ${typeof value}`);

// The options of columns and parameters, for all types and for single ones.
const COLUMN = ["name", "from", "nullable", "optional", "doc"];
const COLUMNS = {
  boolean: [], integer: [], bigint: [], float: [], text: ["choices"], binary: [], json: [], vector: ["width"],
};
const PARAMETER = ["name", "optional", "default", "doc"];
const PARAMETERS = {
  boolean: [], integer: ["min", "max"], float: ["min", "max"], text: ["choices"], json: [], list: ["of"],
};
const known = (type, all, own) => (hasOwn(own, type) ? [...all, ...own[type]] : []);

const isText = (value) => typeof value === "string";
const isBoolean = (value) => typeof value === "boolean";
/** The tests of parameters, also of their defaults, with words for messages. */
const VALUES = {
  boolean: [isBoolean, "true or false"],
  integer: [Number.isSafeInteger, "a whole number of at most 2^53 - 1"],
  float: [Number.isFinite, "a number"],
  text: [isText, "a text"],
  json: [() => true, ""],
  list: [Array.isArray, "a list"],
};
/** The tests of options. */
const OPTIONS = {
  name: [(value) => isText(value) && value !== "", "a text that is not empty"],
  from: [isText, "the name of a parameter"],
  doc: [isText, "a text"],
  nullable: [isBoolean, "true or false"],
  optional: [isBoolean, "true or false"],
  choices: [(value) => Array.isArray(value) && value.length > 0 && value.every(isText), "a list of texts"],
  width: [(value) => Number.isSafeInteger(value) && value > 0, "a whole number from 1"],
};

/** Returns why a value is not one of a parameter. */
const misfit = (type, value) => {
  const [fits, words] = VALUES[type.type];
  if (!fits(value)) return `must be ${words}, not ${show(value)}`;
  if (value < type.min) return `must be at least ${type.min}, not ${show(value)}`;
  if (value > type.max) return `must be at most ${type.max}, not ${show(value)}`;
  if (type.choices && !type.choices.includes(value)) return `must be one of ${type.choices.join(", ")}, not ${show(value)}`;
  if (type.type === "list") {
    const wrong = value.findIndex((one) => misfit(type.of, one));
    if (wrong >= 0) return `[${wrong}] ${misfit(type.of, value[wrong])}`;
  }
};

/** The type of a column or parameter. */
export class Type {
  constructor(type, options) {
    const fail = (message) => { throw new TypeError(`${type}: ${message}`); };
    if (options === null || typeof options !== "object") fail(`the options must be an object, not ${show(options)}`);
    const allowed = [...known(type, COLUMN, COLUMNS), ...known(type, PARAMETER, PARAMETERS)];
    this.type = type;
    for (const key of keys(options)) {
      if (!allowed.includes(key)) fail(`unknown option \`${key}\``);
      // As if it was left out.
      if (options[key] === undefined) continue;
      const [fits, words] = (key === "min" || key === "max" ? VALUES[type] : OPTIONS[key]) ?? [() => true];
      if (!fits(options[key])) fail(`\`${key}\` must be ${words}, not ${show(options[key])}`);
      this[key] = Array.isArray(options[key]) && key === "choices" ? freeze([...options[key]]) : options[key];
    }
    if (this.min > this.max) fail(`\`min\` is ${this.min}, which is more than \`max\`: ${this.max}`);
    if (hasOwn(this, "name") && hasOwn(this, "from")) fail("`name` and `from` exclude each other");
    if (hasOwn(this, "default") && hasOwn(this, "optional")) fail("`default` and `optional` exclude each other");
    if (type === "list") checkElements(this.of, fail);
    if (hasOwn(this, "default")) {
      const why = misfit(this, this.default);
      if (why) fail(why.startsWith("[") ? `\`default\`${why}` : `\`default\` ${why}`);
    }
    freeze(this);
  }
}

const checkElements = (of, fail) => {
  if (!(of instanceof Type && hasOwn(PARAMETERS, of.type) && of.type !== "list")) fail("the first argument must be a type such as text()");
  for (const option of keys(of)) {
    if (option !== "type" && !PARAMETERS[of.type].includes(option)) fail(`the type of the elements cannot have the option \`${option}\``);
  }
};

export const boolean = (options = {}) => new Type("boolean", options);
export const integer = (options = {}) => new Type("integer", options);
export const bigint = (options = {}) => new Type("bigint", options);
export const float = (options = {}) => new Type("float", options);
export const text = (options = {}) => new Type("text", options);
export const binary = (options = {}) => new Type("binary", options);
export const json = (options = {}) => new Type("json", options);
export const vector = (options = {}) => new Type("vector", options);
export const list = (of, options = {}) => new Type("list", { ...options, of });

/** A step. */
export class Step {
  constructor(kind, spec, run) {
    if (spec === null || typeof spec !== "object") throw new TypeError(`${kind}: the first argument must be an object, not ${show(spec)}`);
    const { parameters = {}, input = {}, output = {}, summary } = spec;
    const allowed = kind === "source" ? ["summary", "parameters", "output"] : ["summary", "parameters", "input", "output"];
    for (const key of keys(spec)) {
      if (!allowed.includes(key)) throw new TypeError(`${kind}: unknown key \`${key}\`; expected one of ${allowed.join(", ")}`);
    }
    if (typeof run !== "function") throw new TypeError(`${kind}: the second argument must be a function, not ${show(run)}`);
    if (summary !== undefined && !isText(summary)) throw new TypeError(`${kind}: \`summary\` must be a text, not ${show(summary)}`);
    checkTypes(kind, "parameters", parameters, PARAMETER, PARAMETERS);
    for (const [group, columns] of [["input", input], ["output", output]]) {
      // Columns that depend on the parameters.
      if (typeof columns === "function") continue;
      checkTypes(kind, group, columns, COLUMN, COLUMNS);
      for (const key of keys(columns)) {
        const { from, optional } = columns[key];
        if (from !== undefined && parameters[from]?.type !== "text") {
          throw new TypeError(`${kind}: \`${group}.${key}\` gets its name from the parameter \`${from}\`, which is not a text parameter`);
        }
        if (optional && group === "output") throw new TypeError(`${kind}: \`output.${key}\` cannot be optional: an output is never missing`);
      }
    }
    Object.assign(this, { kind, summary, parameters, input, output, run });
    freeze(this);
  }
}

const checkTypes = (kind, group, types, all, own) => {
  if (types === null || typeof types !== "object" || Array.isArray(types)) {
    throw new TypeError(`${kind}: \`${group}\` must be an object of types such as text(), not ${show(types)}`);
  }
  for (const key of keys(types)) {
    const type = types[key];
    if (!(type instanceof Type)) throw new TypeError(`${kind}: \`${group}.${key}\` must be a type such as text(), not ${show(type)}`);
    if (!hasOwn(own, type.type)) throw new TypeError(`${kind}: \`${group}.${key}\` cannot be ${type.type}()`);
    for (const option of keys(type)) {
      if (option !== "type" && !known(type.type, all, own).includes(option)) {
        throw new TypeError(`${kind}: \`${group}.${key}\` cannot have the option \`${option}\``);
      }
    }
  }
};

/** Returns a step whose columns depend on the parameters, with its columns. */
export const resolve = ({ kind, run, ...spec }, values) => {
  const columns = (group) => (typeof spec[group] === "function" ? spec[group](values) : spec[group]);
  const resolved = { ...spec, input: columns("input"), output: columns("output") };
  if (kind === "source") delete resolved.input;
  return new Step(kind, resolved, run);
};

/** A step that is called for each row. */
export const transform = (spec, run) => new Step("transform", spec, run);
/** A step that is called for each batch. */
export const transformBatch = (spec, run) => new Step("transformBatch", spec, run);
/** A step that creates rows. */
export const source = (spec, run) => new Step("source", spec, run);
/** A step that sees all rows. */
export const aggregate = (spec, run) => new Step("aggregate", spec, run);

/** Output rows: either each with the input row that it comes from, or none. */
export class Rows {
  constructor() {
    this.entries = [];
    this.length = 0;
  }
  push(row) {
    this.entries.push(["push", null, row]);
    this.length += 1;
  }
  pushFrom(index, row) {
    this.entries.push(["from", index, row]);
    this.length += 1;
  }
  reject(index, error) {
    this.entries.push(["reject", index, error]);
  }
  drop(index, reason) {
    this.entries.push(["drop", index, reason]);
  }
}

/** The rows of a batch. */
export class Batch {
  constructor(length, columns) {
    this.length = length;
    this.columns = columns;
  }
  row(index) {
    const row = {};
    for (const name of keys(this.columns)) {
      const value = this.columns[name][index];
      // An assignment to `__proto__` would not create a property.
      if (name === "__proto__") defineProperty(row, name, { value, writable: true, enumerable: true, configurable: true });
      else row[name] = value;
    }
    return row;
  }
  *[Symbol.iterator]() {
    for (let index = 0; index < this.length; index++) yield this.row(index);
  }
}
