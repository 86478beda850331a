// What code expects of its surroundings. Functions of the language are taken before the code runs and can change them.
(host) => {
  "use strict";
  const { defineProperty, keys } = Object;
  const { trace, debug, info, warn, error, addTimer, removeTimer, encode, decode } = host;
  const then = Function.prototype.call.bind(Promise.prototype.then);
  const resolve = Promise.resolve.bind(Promise);
  const { isView } = ArrayBuffer;
  const [SavedTypeError, SavedRangeError, SavedUint8Array] = [TypeError, RangeError, Uint8Array];

  const timer = (repeated) => (code, delay, ...values) => {
    if (typeof code !== "function") throw new SavedTypeError("the first argument of a timer is a function");
    return addTimer(code, delay, repeated, ...values);
  };
  class TextEncoder {
    get encoding() { return "utf-8"; }
    encode(text) { return encode(text); }
  }
  // The bytes of an ArrayBuffer, or of a view such as a typed array.
  const toBytes = (value) => (isView(value) ? new SavedUint8Array(value.buffer, value.byteOffset, value.byteLength) : value);
  class TextDecoder {
    #fatal;
    #ignoreBOM;
    constructor(label = "utf-8", { fatal = false, ignoreBOM = false } = {}) {
      if (!["utf-8", "utf8", "unicode-1-1-utf-8"].includes(`${label}`.trim().toLowerCase())) {
        throw new SavedRangeError(`TextDecoder knows utf-8 only, not ${label}`);
      }
      this.#fatal = Boolean(fatal);
      this.#ignoreBOM = Boolean(ignoreBOM);
    }
    get encoding() { return "utf-8"; }
    get fatal() { return this.#fatal; }
    get ignoreBOM() { return this.#ignoreBOM; }
    decode(bytes, { stream = false } = {}) {
      if (stream) throw new SavedTypeError("TextDecoder cannot decode a part of a text: `stream` is not supported");
      return decode(toBytes(bytes), this.#fatal, this.#ignoreBOM);
    }
  }
  // A longer text, in units of UTF-16, ends the instance in the engine, where no line of the step is known.
  const maxLength = 2 ** 27;
  const checked = (name, lengthOf) => {
    const call = Function.prototype.call.bind(String.prototype[name]);
    const method = {
      [name](count, ...others) {
        if (this === null || this === undefined) return call(this, count);
        const text = `${this}`;
        const number = +count;
        if (lengthOf(text, number, others[0]) > maxLength) throw new SavedRangeError(`the text would have more than ${maxLength} characters`);
        return call(text, number, ...others);
      },
    }[name];
    defineProperty(String.prototype, name, { value: method, writable: true, enumerable: false, configurable: true });
  };
  checked("repeat", (text, count) => text.length * count);
  checked("padStart", (text, count, filler) => (filler === undefined || `${filler}` !== "" ? count : 0));
  checked("padEnd", (text, count, filler) => (filler === undefined || `${filler}` !== "" ? count : 0));
  const globals = {
    console: {
      log: info, info, debug, warn, error, trace, dir: (value) => info(value), table: (value) => info(value),
      assert: (value, ...message) => { if (!value) error("Assertion failed" + (message.length > 0 ? ":" : ""), ...message); },
    },
    queueMicrotask: (code) => void then(resolve(), () => { code(); }),
    setTimeout: timer(false), setInterval: timer(true), clearTimeout: removeTimer, clearInterval: removeTimer,
    TextEncoder, TextDecoder,
  };
  for (const name of keys(globals)) {
    defineProperty(globalThis, name, { value: globals[name], writable: true, enumerable: false, configurable: true });
  }
};
