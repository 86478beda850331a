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

const show = (value) => (typeof value === "string" ? JSON.stringify(value) : value === null ? "null" : `a value of type ${typeof value}`);

const COLUMN = ["name", "from", "nullable", "optional", "doc"];
const PARAMETER = ["name", "optional", "default", "doc"];
const OPTIONS = {
  boolean: [], integer: ["min", "max"], bigint: [], float: ["min", "max"], text: ["choices"], binary: [], json: [], vector: ["width"],
  list: ["of"],
};
const PARAMETERS = ["boolean", "integer", "float", "text", "json", "list"];

/** The type of a column or parameter. */
export class Type {
  constructor(type, options) {
    if (options === null || typeof options !== "object") throw new TypeError(`${type}: the options must be an object, not ${show(options)}`);
    for (const key of keys(options)) {
      if (![...COLUMN, ...PARAMETER, ...OPTIONS[type]].includes(key)) throw new TypeError(`${type}: unknown option \`${key}\``);
      this[key] = options[key];
    }
    this.type = type;
    if (hasOwn(this, "choices") && !(Array.isArray(this.choices) && this.choices.length > 0 && this.choices.every((one) => typeof one === "string"))) {
      throw new TypeError(`${type}: \`choices\` must be a list of texts`);
    }
    if (hasOwn(this, "width") && !(Number.isSafeInteger(this.width) && this.width > 0)) throw new TypeError(`${type}: \`width\` must be a whole number from 1`);
    for (const key of ["name", "from", "doc"]) {
      if (hasOwn(this, key) && typeof this[key] !== "string") throw new TypeError(`${type}: \`${key}\` must be a text, not ${show(this[key])}`);
    }
    freeze(this);
  }
}
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
    const { parameters = {}, input = {}, output = {}, summary } = spec;
    const allowed = kind === "source" ? ["summary", "parameters", "output"] : ["summary", "parameters", "input", "output"];
    for (const key of keys(spec)) {
      if (!allowed.includes(key)) throw new TypeError(`${kind}: unknown key \`${key}\`; expected one of ${allowed.join(", ")}`);
    }
    if (typeof run !== "function") throw new TypeError(`${kind}: the second argument must be a function, not ${show(run)}`);
    checkTypes(kind, "parameters", parameters, PARAMETER, PARAMETERS);
    for (const [group, columns] of [["input", input], ["output", output]]) {
      // Columns that depend on the parameters.
      if (typeof columns === "function") continue;
      checkTypes(kind, group, columns, COLUMN, keys(OPTIONS).slice(0, -1));
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

const checkTypes = (kind, group, types, options, allowed) => {
  for (const key of keys(types)) {
    const type = types[key];
    if (!(type instanceof Type)) throw new TypeError(`${kind}: \`${group}.${key}\` must be a type such as text(), not ${show(type)}`);
    if (!allowed.includes(type.type)) throw new TypeError(`${kind}: \`${group}.${key}\` cannot be ${type.type}()`);
    for (const option of keys(type)) {
      if (option !== "type" && ![...options, ...OPTIONS[type.type]].includes(option)) {
        throw new TypeError(`${kind}: \`${group}.${key}\` cannot have the option \`${option}\``);
      }
    }
    if (group === "parameters" && type.type === "list" && !(type.of instanceof Type && PARAMETERS.includes(type.of.type) && type.of.type !== "list")) {
      throw new TypeError(`${kind}: \`${group}.${key}\` must be a list of a type such as text()`);
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
