;; Reading fields and writing them, where the host calls malloc and where it is given buffers.
;;[ malloc

;; Blocks lie one after the other, and the last one that is left goes first: nothing else happens here.
(global $heap (mut i32) (i32.const 65536))
(func (export "malloc") (param $size i32) (result i32)
  (local $block i32)
  (local.set $block (global.get $heap))
  (global.set $heap (i32.add (global.get $heap) (local.get $size)))
  (local.get $block))
(func $free (param $text i64)
  (if (i64.ne (local.get $text) (i64.const 0))
    (then
      (global.set $heap (i32.sub (global.get $heap) (call $length (local.get $text))))
      (call $must (i32.eq (global.get $heap) (call $address (local.get $text)))))))

(func $scalar (param $field i32) (param $data i32) (param $kind i32) (result i64)
  (call $fieldGet (local.get $field) (local.get $data) (local.get $kind)))
(func $text (param $field i32) (param $data i32) (param $kind i32) (result i64)
  (call $fieldGet (local.get $field) (local.get $data) (local.get $kind)))
;;]
;;[ !malloc
(func $free (param $text i64))
(func $buffer (result i64) (call $pack (i32.const 65536) (i32.const 2097152)))
(func $cleared (param $length i32) (result i64)
  (memory.fill (i32.const 65536) (i32.const 0) (local.get $length))
  (call $pack (i32.const 65536) (local.get $length)))

;;[ set6
(func $scalar (param $field i32) (param $data i32) (param $kind i32) (result i64)
  (local $value i64)
  (i32.store (i32.const 8) (i32.const 0))
  (local.set $value
    (call $fieldGetScalar (local.get $field) (local.get $data) (local.get $kind) (i32.const 8)))
  (call $must (i32.eqz (i32.load (i32.const 8))))
  (local.get $value))
;;]
;;[ !set6
(func $scalar (param $field i32) (param $data i32) (param $kind i32) (result i64)
  (call $fieldGetScalar (local.get $field) (local.get $data) (local.get $kind)))
;;]

;; A buffer that is exactly full is enough, one byte less is not.
(func $text (param $field i32) (param $data i32) (param $kind i32) (result i64)
  (local $length i32) (local $text i64)
  (local.set $length
    (call $fieldGetBuffer (local.get $field) (local.get $data) (local.get $kind) (call $buffer)))
  (local.set $text (call $pack (i32.const 65536) (local.get $length)))
  (call $must (i32.eq (local.get $length)
    (call $fieldGetBuffer (local.get $field) (local.get $data) (local.get $kind) (local.get $text))))
  (if (local.get $length)
    (then (call $must (i32.eq (i32.const -1)
      (call $fieldGetBuffer (local.get $field) (local.get $data) (local.get $kind)
        (call $pack (i32.const 65536) (i32.sub (local.get $length) (i32.const 1))))))))
  (local.get $text))
;;]

;; fieldSet gives 0, and before sig-6 the field's handle, which is not 1 here: the source "in" came first.
(func $set (param $field i32) (param $data i32) (param $kind i32) (param $value i64)
  (call $must (i32.ne (i32.const 1)
    (call $fieldSet (local.get $field) (local.get $data) (local.get $kind) (local.get $value)))))
