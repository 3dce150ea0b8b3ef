;; Imports from a module that there is not.
(module
  (import "nowhere" "gadgetLog" (func (param i32 i64)))
  (memory (export "memory") 1)
  (func (export "malloc") (param i32) (result i32) (i32.const 0))
  (func (export "gadgetAPIVersion") (result i64) (i64.const 1))
  (func (export "gadgetInit") (result i32) (i32.const 0)))
