;; Both start functions trap.
(module
  (memory (export "memory") 1)
  (func (export "malloc") (param i32) (result i32) (i32.const 0))
  (func (export "gadgetAPIVersion") (result i64) (i64.const 1))
  (func (export "_start") (unreachable))
  (func (export "_initialize") (unreachable))
  (func (export "gadgetInit") (result i32) (i32.const 0)))
