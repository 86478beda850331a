;; Imports an unknown interface.
(component
  (import "else:where/thing@1.0.0" (instance (export "f" (func))))
  (core module $m (func (export "f")))
  (core instance $i (instantiate $m))
  (func $f (canon lift (core func $i "f")))
  (instance $guest
    (export "manifest" (func $f))
    (export "bind" (func $f))
    (export "process" (func $f))
    (export "finish" (func $f)))
  (export "stillbox:step/guest@0.1.0" (instance $guest)))
