// What code expects of Node. Functions of the language are taken before the code runs and can change them.
(host) => {
  "use strict";
  const { defineProperty, getPrototypeOf, hasOwn, is, keys } = Object;
  const { test } = RegExp.prototype;
  const { apply } = Reflect;
  const isArray = Array.isArray;
  const textOf = String;
  const method = Function.prototype.bind.bind(Function.prototype.call);
  const mapEach = method(Map.prototype.forEach), mapGet = method(Map.prototype.get), mapHas = method(Map.prototype.has);
  const mapSet = method(Map.prototype.set), mapDelete = method(Map.prototype.delete);
  const setEach = method(Set.prototype.forEach), setHas = method(Set.prototype.has);
  const dateTime = method(Date.prototype.getTime), regexpText = method(RegExp.prototype.toString);
  const mapSize = method(Object.getOwnPropertyDescriptor(Map.prototype, "size").get);
  const setSize = method(Object.getOwnPropertyDescriptor(Set.prototype, "size").get);
  const startsWith = method(String.prototype.startsWith), then = method(Promise.prototype.then);
  const resolve = Promise.resolve.bind(Promise);
  const SavedMap = Map, SavedError = Error, SavedTypeError = TypeError;
  const { print, write, inspect, kind, exit, failed, addTimer, removeTimer } = host;

  class AssertionError extends SavedError {
    constructor(message, actual, expected, operator) {
      super(message);
      this.code = "ERR_ASSERTION";
      this.actual = actual;
      this.expected = expected;
      this.operator = operator;
    }
  }
  defineProperty(AssertionError.prototype, "name", { value: "AssertionError", writable: true, configurable: true });

  // Whether two values are equal. `seen` has the objects that are being compared, for objects that contain themselves.
  const equal = (a, b, strict, seen) => {
    if (strict ? is(a, b) : a == b || (a !== a && b !== b)) return true;
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
    const type = kind(a);
    if (type !== kind(b) || (strict && getPrototypeOf(a) !== getPrototypeOf(b))) return false;
    if (mapHas(seen, a)) return mapGet(seen, a) === b;
    mapSet(seen, a, b);
    try {
      return sameContent(a, b, type, strict, seen) && sameMembers(a, b, strict, seen);
    } finally {
      mapDelete(seen, a);
    }
  };
  const sameContent = (a, b, type, strict, seen) => {
    switch (type) {
      case "date": return is(dateTime(a), dateTime(b));
      case "regexp": return regexpText(a) === regexpText(b);
      case "error": return a.name === b.name && a.message === b.message;
      case "array": return a.length === b.length;
      case "map": return mapSize(a) === mapSize(b) && every(mapEach, a, (value, key) => {
        if (mapHas(b, key)) return equal(value, mapGet(b, key), strict, seen);
        return !every(mapEach, b, (other, otherKey) => !(equal(key, otherKey, strict, seen) && equal(value, other, strict, seen)));
      });
      case "set": return setSize(a) === setSize(b) && every(setEach, a, (value) =>
        setHas(b, value) || !every(setEach, b, (other) => !equal(value, other, strict, seen)));
      default: return true;
    }
  };
  const every = (each, container, predicate) => {
    let all = true;
    each(container, (value, key) => { all = all && predicate(value, key); });
    return all;
  };
  const sameMembers = (a, b, strict, seen) => {
    const names = keys(a);
    if (names.length !== keys(b).length) return false;
    for (let i = 0; i < names.length; i++) {
      if (!hasOwn(b, names[i]) || !equal(a[names[i]], b[names[i]], strict, seen)) return false;
    }
    return true;
  };

  const check = (ok, message, text, actual, expected, operator) => {
    if (ok) return;
    if (kind(message) === "error") throw message;
    throw new AssertionError(message === undefined ? text() : textOf(message), actual, expected, operator);
  };
  const compare = (operator, wanted, words, compared) => (actual, expected, message) =>
    check(compared(actual, expected) === wanted, message,
      () => `${inspect(actual)} ${words} ${inspect(expected)}`, actual, expected, operator);
  const loose = (a, b) => a == b || (a !== a && b !== b);
  const deep = (a, b) => equal(a, b, false, new SavedMap());
  const deepStrict = (a, b) => equal(a, b, true, new SavedMap());
  // Whether an error is the expected one: a class, a pattern, a function that checks it, or an object with members of the error.
  const matches = (error, expected) => {
    if (expected === undefined || typeof expected === "string") return true;
    if (kind(expected) === "regexp") return apply(test, expected, [textOf(error)]);
    if (typeof expected !== "function") {
      const names = keys(expected);
      for (let i = 0; i < names.length; i++) if (!deepStrict(error[names[i]], expected[names[i]])) return false;
      return true;
    }
    if (expected.prototype !== undefined && error instanceof expected) return true;
    return !SavedError.isPrototypeOf(expected) && expected !== SavedError && expected(error) === true;
  };
  const thrown = (error, expected, message) => check(matches(error, expected), message,
    () => `the error is not the expected one: ${inspect(error)}`, error, expected, "throws");
  const none = (message) => check(false, message, () => "no error was thrown", undefined, undefined, "throws");
  const words = (expected, message) => typeof expected === "string" ? expected : message;

  const make = (equals, notEquals, deepEquals, notDeepEquals) => {
    const ok = (value, message) => check(value, message, () => `${inspect(value)} is not true`, value, true, "==");
    const assert = (...values) => ok(...values);
    assert.ok = ok;
    assert.equal = equals;
    assert.notEqual = notEquals;
    assert.deepEqual = deepEquals;
    assert.notDeepEqual = notDeepEquals;
    assert.strictEqual = compare("strictEqual", true, "is not", is);
    assert.notStrictEqual = compare("notStrictEqual", false, "is", is);
    assert.deepStrictEqual = compare("deepStrictEqual", true, "does not equal", deepStrict);
    assert.notDeepStrictEqual = compare("notDeepStrictEqual", false, "equals", deepStrict);
    assert.match = (text, pattern, message) => check(typeof text === "string" && apply(test, pattern, [text]), message,
      () => `${inspect(text)} does not match ${inspect(pattern)}`, text, pattern, "match");
    assert.doesNotMatch = (text, pattern, message) => check(typeof text !== "string" || !apply(test, pattern, [text]), message,
      () => `${inspect(text)} matches ${inspect(pattern)}`, text, pattern, "doesNotMatch");
    assert.throws = (code, expected, message) => {
      try { code(); } catch (error) { return thrown(error, expected, message); }
      none(words(expected, message));
    };
    assert.rejects = async (code, expected, message) => {
      try { await (typeof code === "function" ? code() : code); } catch (error) { return thrown(error, expected, message); }
      none(words(expected, message));
    };
    assert.doesNotThrow = (code) => void code();
    assert.doesNotReject = async (code) => void (await (typeof code === "function" ? code() : code));
    assert.fail = (message) => check(false, message, () => "failed", undefined, undefined, "fail");
    assert.ifError = (value) => { if (value !== null && value !== undefined) throw value; };
    assert.AssertionError = AssertionError;
    return assert;
  };
  const strict = make(compare("strictEqual", true, "is not", is), compare("notStrictEqual", false, "is", is),
    compare("deepStrictEqual", true, "does not equal", deepStrict), compare("notDeepStrictEqual", false, "equals", deepStrict));
  const assert = make(compare("==", true, "is not equal to", loose), compare("!=", false, "is equal to", loose),
    compare("deepEqual", true, "does not equal", deep), compare("notDeepEqual", false, "equals", deep));
  strict.strict = assert.strict = strict;

  const console = {
    log: print, info: print, debug: print, error: print, warn: print, trace: print, dir: (value) => print(value), table: print,
    group: print, groupEnd() {}, time() {}, timeEnd() {}, timeLog() {}, count() {}, clear() {},
    assert: (value, ...message) => {
      if (value) return;
      print("Assertion failed" + (message.length > 0 ? ":" : ""), ...message);
      failed(new AssertionError(message.length > 0 ? textOf(message[0]) : "console.assert"));
    },
  };
  const module = { exports: {} };
  const readFileSync = (path, options) => {
    if (path === 0 || path === "/dev/stdin") return host.stdin;
    throw new SavedError(`ENOENT: no such file or directory, open '${textOf(path)}'`);
  };
  const fs = { readFileSync };
  const require = (name) => {
    switch (name) {
      case "assert": case "node:assert": return assert;
      case "assert/strict": case "node:assert/strict": return strict;
      case "fs": case "node:fs": return fs;
      default:
        if (typeof name === "string" && (startsWith(name, "./") || startsWith(name, "../"))) return module.exports;
        throw new SavedError(`Cannot find module '${textOf(name)}'`);
    }
  };
  const timer = (repeated) => (code, delay, ...values) => {
    if (typeof code !== "function") throw new SavedTypeError("the first argument of a timer is a function");
    return addTimer(code, delay, repeated, ...values);
  };
  const globals = {
    console, assert, module, exports: module.exports, require,
    process: {
      argv: ["node", "<code>"], env: {}, platform: "linux", exit, on() {},
      nextTick: (code, ...values) => queueMicrotask(() => code(...values)),
      stdout: { write, isTTY: false }, stderr: { write, isTTY: false },
    },
    queueMicrotask: (code) => void then(resolve(), () => { code(); }),
    setTimeout: timer(false), setInterval: timer(true), setImmediate: (code, ...values) => timer(false)(code, 0, ...values),
    clearTimeout: removeTimer, clearInterval: removeTimer, clearImmediate: removeTimer,
  };
  const queueMicrotask = globals.queueMicrotask;
  for (const name of keys(globals)) {
    defineProperty(globalThis, name, { value: globals[name], writable: true, enumerable: false, configurable: true });
  }
};
