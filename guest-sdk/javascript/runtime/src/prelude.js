// What code expects of its surroundings. Functions of the language are taken before the code runs and can change them.
(host) => {
  "use strict";
  const { defineProperty, keys } = Object;
  const { trace, debug, info, warn, error, addTimer, removeTimer, encode, decode } = host;
  const then = Function.prototype.call.bind(Promise.prototype.then);
  const resolve = Promise.resolve.bind(Promise);
  const SavedTypeError = TypeError;

  const timer = (repeated) => (code, delay, ...values) => {
    if (typeof code !== "function") throw new SavedTypeError("the first argument of a timer is a function");
    return addTimer(code, delay, repeated, ...values);
  };
  class TextEncoder {
    get encoding() { return "utf-8"; }
    encode(text) { return encode(text); }
  }
  class TextDecoder {
    #fatal;
    constructor(label = "utf-8", options = {}) {
      if (!/^utf-?8$/i.test(label)) throw new RangeError(`TextDecoder knows utf-8 only, not ${label}`);
      this.#fatal = options.fatal === true;
    }
    get encoding() { return "utf-8"; }
    decode(bytes) { return decode(bytes, this.#fatal); }
  }
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
