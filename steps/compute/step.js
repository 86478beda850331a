// The step `compute`.

import { InputError, ParameterError, boolean, float, integer, json, list, text, transform } from "stillbox";

const TYPES = { boolean, integer, float, text, json };

/** Compiles an expression to a function of a row. */
function compile(expression) {
  try {
    return new Function("row", `"use strict"; return (${expression}\n);`);
  } catch (error) {
    throw new ParameterError("`expression` is not an expression of JavaScript", { cause: error });
  }
}

/** Returns the value of the expression. A misspelt column is `undefined`, which must not become a null. */
function valueFor(row) {
  const value = compute(row);
  if (value === undefined) {
    const names = Object.keys(row).map((name) => `\`${name}\``).join(", ");
    throw new InputError("the value of the expression is undefined", { hint: `the columns are ${names}; return null for a null` });
  }
  return value;
}

let compute;

export default transform(
  {
    summary: "Computes a column by an expression in JavaScript.",
    parameters: {
      columns: list(text(), { doc: "The columns that the expression uses." }),
      expression: text({ doc: "The expression, in which `row` has the columns: `row.price * row.count`." }),
      into: text({ doc: "The output column. It can be one of `columns`, which is replaced." }),
      type: text({ choices: Object.keys(TYPES), default: "json", doc: "The type of the output column: `boolean`, `integer`, `float`, `text` or `json`." }),
    },
    input: ({ columns }) => Object.fromEntries(columns.map((name) => [name, json({ nullable: true })])),
    output: ({ expression, into, type }) => {
      compute = compile(expression);
      return { [into]: TYPES[type]({ nullable: true }) };
    },
  },
  (row, { into }) => ({ [into]: valueFor(row) }),
);
