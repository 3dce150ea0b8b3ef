;; What Python's live views of arrays do beyond reading this memory.

;; A new element at the end of the array; 0 without memory.
(func $array_extend (export "array_extend") (param $array i32) (result i32)
  (local $element i32)
  (local.set $element
    (call $element_blank (i32.load offset={object.source} (local.get $array)) (i32.const {kind.data})))
  (if (i32.eqz (local.get $element)) (then (return (i32.const 0))))
  (if (i32.eqz (call $array_push (local.get $array) (local.get $element)))
    (then
      (call $object_release (local.get $element))
      (return (i32.const 0))))
  (local.get $element))
