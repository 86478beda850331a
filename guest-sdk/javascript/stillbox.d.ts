// Types of the module "stillbox", for editors and `tsc`. A build removes types without checking them.

declare module "stillbox" {
  /** A JSON value. Whole numbers above 2^53 - 1 are `bigint`. */
  export type Json = null | boolean | number | bigint | string | Json[] | { [name: string]: Json | undefined };

  /** The type of a column or parameter. `In` is a value of it, `Out` is one that a step can return. */
  export class Type<In, Out = In> {
    private constructor();
    readonly type: "boolean" | "integer" | "bigint" | "float" | "text" | "binary" | "json" | "vector" | "list";
    /** For the compiler alone. */
    private readonly in: In;
    private readonly out: Out;
  }

  /** Options of columns. */
  export interface ColumnOptions {
    /** A name other than that of the property. */
    name?: string;
    /** The text parameter that sets the name. */
    from?: string;
    /** Whether a value can be null. */
    nullable?: boolean;
    /** Inputs only: whether the column may be missing. It is then null in every row. */
    optional?: boolean;
    doc?: string;
  }

  /** Options of parameters. */
  export interface ParameterOptions<T> {
    /** A name other than that of the property in kebab-case. */
    name?: string;
    /** The description that `stillbox inspect` shows. */
    doc?: string;
    /** Whether the parameter may be missing. It is then null. */
    optional?: boolean;
    /** The value if the parameter is missing. */
    default?: T;
  }

  /** The smallest and the largest value of a parameter. */
  export interface Range {
    min?: number;
    max?: number;
  }

  type Options<T> = ColumnOptions & ParameterOptions<T>;
  type OrNull<O, T> = O extends { nullable: true } | { optional: true } ? T | null : T;

  export function boolean<const O extends Options<boolean>>(options?: O): Type<OrNull<O, boolean>>;
  /** A whole number of at most 2^53 - 1. A `bigint` can be returned, too. */
  export function integer<const O extends Options<number> & Range>(options?: O): Type<OrNull<O, number>, OrNull<O, number | bigint>>;
  /** A whole number of 64 bits. Columns only. */
  export function bigint<const O extends ColumnOptions>(options?: O): Type<OrNull<O, bigint>>;
  export function float<const O extends Options<number> & Range>(options?: O): Type<OrNull<O, number>>;
  export function text<const O extends Options<string> & { choices?: readonly string[] }>(
    options?: O,
  ): Type<OrNull<O, O extends { choices: readonly (infer C extends string)[] } ? C : string>>;
  /** Columns only. */
  export function binary<const O extends ColumnOptions>(options?: O): Type<OrNull<O, Uint8Array>, OrNull<O, Uint8Array | ArrayBuffer>>;
  /** Any JSON value. Objects and lists are not typed further. */
  export function json<const O extends Options<any>>(options?: O): Type<any>;
  /** Numbers of 32 bits. Columns only. */
  export function vector<const O extends ColumnOptions & { width?: number }>(
    options?: O,
  ): Type<OrNull<O, Float32Array>, OrNull<O, ArrayLike<number>>>;
  /** A list. Parameters only. */
  export function list<T, const O extends ParameterOptions<T[]>>(of: Type<T, any>, options?: O): Type<OrNull<O, T[]>>;

  /** Columns or parameters. */
  export type Types = { readonly [name: string]: Type<any, any> };
  /** The values of columns that a step reads, or of parameters. */
  export type Values<T extends Types> = { [Name in keyof T]: T[Name] extends Type<infer In, any> ? In : never };
  /** A row that a step returns. Columns that can be null may be missing. */
  export type Row<T extends Types> = { [Name in keyof T as null extends Returned<T[Name]> ? never : Name]: Returned<T[Name]> } & {
    [Name in keyof T as null extends Returned<T[Name]> ? Name : never]?: Returned<T[Name]>;
  };
  type Returned<T> = T extends Type<any, infer Out> ? Out : never;

  type Columns<P extends Types, C extends Types> = C | ((parameters: Values<P>) => C);
  type Awaitable<T> = T | PromiseLike<T>;

  /** The definition of a source. */
  export interface SourceDefinition<P extends Types, O extends Types> {
    /** The purpose of the step, in one sentence. Without it, the `description` of package.json. */
    summary?: string;
    parameters?: P;
    /** The columns, or a function of the parameters that returns them. */
    output?: Columns<P, O>;
  }

  /** The definition of a step that reads rows. */
  export interface Definition<P extends Types, I extends Types, O extends Types> extends SourceDefinition<P, O> {
    /** The columns, or a function of the parameters that returns them. */
    input?: Columns<P, I>;
  }

  /** A step: the default export of its first module. */
  export class Step {
    private constructor();
    readonly kind: "transform" | "transformBatch" | "source" | "aggregate";
  }

  /** What a function of a row returns. `true` and nothing are for steps without outputs. */
  export type Result<O extends Types> = Row<O> | readonly Row<O>[] | boolean | null | undefined | void;

  /** A step that is called for each row. */
  export function transform<P extends Types = {}, I extends Types = {}, O extends Types = {}>(
    definition: Definition<P, I, O>,
    run: (row: Values<I>, parameters: Values<P>) => Awaitable<Result<O>>,
  ): Step;

  /** What a function of a batch returns: rows, or columns. */
  export type BatchResult<O extends Types> =
    | Rows<Row<O>>
    | readonly Row<O>[]
    | { [Name in keyof O]: ArrayLike<O[Name] extends Type<any, infer Out> ? Out : never> };

  /** A step that is called for each batch. */
  export function transformBatch<P extends Types = {}, I extends Types = {}, O extends Types = {}>(
    definition: Definition<P, I, O>,
    run: (batch: Batch<Values<I>>, parameters: Values<P>) => Awaitable<BatchResult<O> | void>,
  ): Step;

  /** Rows, or lists of rows. */
  export type RowSource<R> = R | Iterable<R | readonly R[]> | AsyncIterable<R | readonly R[]> | Iterator<R | readonly R[]>;

  /** A step that creates rows. */
  export function source<P extends Types = {}, O extends Types = {}>(
    definition: SourceDefinition<P, O>,
    run: (parameters: Values<P>) => Awaitable<RowSource<Row<O>>>,
  ): Step;

  /** An aggregate that is bound to its parameters. It has `process` or `processBatch`. */
  export interface Aggregate<I extends Types, O extends Types> {
    /** Called for each row. `index` counts the rows of all batches. Rows that it returns come from this row. */
    process?(row: Values<I>, index: number): Awaitable<Result<O>>;
    /** Called for each batch. Rows that it returns come from rows of this batch. */
    processBatch?(batch: Batch<Values<I>>): Awaitable<BatchResult<O> | null | void>;
    /** Called after the last batch. */
    finish(): Awaitable<Rows<Row<O>> | RowSource<Row<O>> | null | void>;
  }

  /** A step that sees all rows. */
  export function aggregate<P extends Types = {}, I extends Types = {}, O extends Types = {}>(
    definition: Definition<P, I, O>,
    run: (parameters: Values<P>) => Awaitable<Aggregate<I, O>>,
  ): Step;

  /** The rows of a batch. */
  export class Batch<R = any> implements Iterable<R> {
    private constructor();
    readonly length: number;
    /** The values of each column, one for each row. */
    readonly columns: { readonly [Name in keyof R]: R[Name][] };
    row(index: number): R;
    [Symbol.iterator](): Iterator<R>;
  }

  /** Output rows: `push` for every row, or `pushFrom` for every row. */
  export class Rows<R = any> {
    readonly length: number;
    /** Adds a row: in a batch one for each input row, in the same order; in `finish` a new row. */
    push(row: R): void;
    /** Adds a row that comes from the input row with this index, and gets its other columns. */
    pushFrom(index: number, row: R): void;
    /** Rejects an input row of a batch, from which no output row comes. */
    reject(index: number, error: unknown): void;
    /** Gives the reason of an input row of a batch that is left out. */
    drop(index: number, reason: string): void;
  }

  /** Options of errors. */
  export interface StepErrorOptions extends ErrorOptions {
    /** Advice on how to fix the error. */
    hint?: string;
    /** For `TransientError`: the delay before the next attempt, in seconds. */
    retryAfter?: number;
  }

  /** An error that is reported by its message alone. */
  export class StepError extends Error {
    constructor(message?: string, options?: StepErrorOptions);
    hint?: string;
    retryAfter?: number;
  }
  /** This input is wrong. */
  export class InputError extends StepError {}
  /** The parameters are wrong. */
  export class ParameterError extends StepError {}
  /** The step has a bug. */
  export class InternalError extends StepError {}
  /** A retry may succeed. */
  export class TransientError extends StepError {}
  /** Thrown to drop the row, with a reason. */
  export class Drop extends Error {
    constructor(reason?: string);
  }
}
