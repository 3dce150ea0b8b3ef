;; A dynamic library that componentize-py links in beside CPython, and the linker connects with the host: the extension
;; module gadget_native. What a gadget does for every event goes through it, in place of componentize-py's runtime, which
;; takes a microsecond to turn a few numbers into Python's and back.
;;
;;   gadget_native.field_get_scalar(field, data, kind) -> int | None         and the others as in the WIT world
;;   gadget_native.field_get_text(field, data, capacity) -> str | None       field_get_buffer of kind String, decoded
;;   gadget_native.field_set_text(field, data, text) -> int                  field_set_buffer of kind String, encoded
;;   gadget_native.set_callback(function)            what dataSourceCallback calls: (callback, source, data) -> object
;;
;; "host.NAME" are the canonical functions of the world. Here they are stubs, which satisfy componentize-py; linking binds
;; them to the adapters, and dataSourceCallback to the export of that name.
;;
;; Arguments are what the package gadget passes: numbers in range. Of another type they raise, as everywhere.
(module
(@dylink.0 (mem-info (memory 336 4) (table 7 0)) (needed "libc.so" "libpython3.14.so"))
(import "env" "memory" (memory 1))
(import "env" "__indirect_function_table" (table 0 funcref))
(import "env" "__memory_base" (global $base i32))
(import "env" "__table_base" (global $table i32))
(import "env" "__stack_pointer" (global $stack (mut i32)))
(import "GOT.mem" "_Py_NoneStruct" (global $none (mut i32)))
(import "env" "malloc" (func $malloc (param i32) (result i32)))
(import "env" "free" (func $free (param i32)))
(import "env" "PyModule_Create2" (func $new_module (param i32 i32) (result i32)))
(import "env" "PyLong_AsUnsignedLongMask" (func $as_u32 (param i32) (result i32)))
(import "env" "PyLong_AsUnsignedLongLongMask" (func $as_u64 (param i32) (result i64)))
(import "env" "PyLong_FromLong" (func $from_s32 (param i32) (result i32)))
(import "env" "PyLong_FromUnsignedLong" (func $from_u32 (param i32) (result i32)))
(import "env" "PyLong_FromUnsignedLongLong" (func $from_u64 (param i64) (result i32)))
(import "env" "PyBytes_FromStringAndSize" (func $new_bytes (param i32 i32) (result i32)))
(import "env" "PyBytes_AsStringAndSize" (func $bytes (param i32 i32 i32) (result i32)))
(import "env" "PyUnicode_DecodeUTF8" (func $decode (param i32 i32 i32) (result i32)))
(import "env" "PyUnicode_AsUTF8AndSize" (func $encode (param i32 i32) (result i32)))
(import "env" "PyObject_Vectorcall" (func $call (param i32 i32 i32 i32) (result i32)))
(import "env" "PyErr_Occurred" (func $raised (result i32)))
(import "env" "PyErr_NoMemory" (func $no_memory (result i32)))
(import "env" "PyErr_PrintEx" (func $print_error (param i32)))
(import "env" "PyGILState_Ensure" (func $lock (result i32)))
(import "env" "PyGILState_Release" (func $unlock (param i32)))
(import "env" "Py_IncRef" (func $retain (param i32)))
(import "env" "Py_DecRef" (func $release (param i32)))
(import "env" "host.field-get-scalar" (func $host.get_scalar (param i32 i32 i32 i32)))
(import "env" "host.field-get-buffer" (func $host.get_buffer (param i32 i32 i32 i32 i32)))
(import "env" "host.field-set-scalar" (func $host.set_scalar (param i32 i32 i32 i64) (result i32)))
(import "env" "host.field-set-buffer" (func $host.set_buffer (param i32 i32 i32 i32 i32) (result i32)))

(func (export "host.field-get-scalar") (param i32 i32 i32 i32) (unreachable))
(func (export "host.field-get-buffer") (param i32 i32 i32 i32 i32) (unreachable))
(func (export "host.field-set-scalar") (param i32 i32 i32 i64) (result i32) (unreachable))
(func (export "host.field-set-buffer") (param i32 i32 i32 i32 i32) (result i32) (unreachable))

;; +0 names and a word, +148 the callback, +152 PyModuleDef (52 bytes), +204 PyMethodDef (16 bytes): seven, and a zero one
(data (global.get $base) "gadget_native\00\00\00field_get_scalar\00field_get_buffer\00field_set_scalar\00field_set_buffer\00field_get_text\00field_set_text\00set_callback\00surrogateescape\00")
(elem (global.get $table) func $get_scalar $get_buffer $set_scalar $set_buffer $get_text $set_text $set_callback)

(func $at (param $offset i32) (result i32) (i32.add (global.get $base) (local.get $offset)))

;; 16 bytes of the stack, until they are given back.
(func $push (result i32)
  (global.set $stack (i32.sub (global.get $stack) (i32.const 16)))
  (global.get $stack))

(func $pop
  (global.set $stack (i32.add (global.get $stack) (i32.const 16))))

(func $method (param $number i32) (param $name i32)
  (local $at i32)
  (local.set $at (call $at (i32.add (i32.const 204) (i32.shl (local.get $number) (i32.const 4)))))
  (i32.store (local.get $at) (call $at (local.get $name)))
  (i32.store offset=4 (local.get $at) (i32.add (global.get $table) (local.get $number)))
  (i32.store offset=8 (local.get $at) (i32.const 0x80))) ;; METH_FASTCALL: (module, arguments, their number)

(func (export "PyInit_gadget_native") (result i32)
  (local $definition i32)
  (call $method (i32.const 0) (i32.const 16))
  (call $method (i32.const 1) (i32.const 33))
  (call $method (i32.const 2) (i32.const 50))
  (call $method (i32.const 3) (i32.const 67))
  (call $method (i32.const 4) (i32.const 84))
  (call $method (i32.const 5) (i32.const 99))
  (call $method (i32.const 6) (i32.const 114))
  (local.set $definition (call $at (i32.const 152)))
  (i32.store (local.get $definition) (i32.const 1)) ;; a reference
  (i32.store offset=20 (local.get $definition) (global.get $base)) ;; its name
  (i32.store offset=28 (local.get $definition) (i32.const -1)) ;; no state of its own
  (i32.store offset=32 (local.get $definition) (call $at (i32.const 204)))
  (call $new_module (local.get $definition) (i32.const 1013)))

;; An argument as 32 bits.
(func $u32 (param $arguments i32) (param $number i32) (result i32)
  (call $as_u32 (i32.load (i32.add (local.get $arguments) (i32.shl (local.get $number) (i32.const 2))))))

;; An error value of the conversions may be a number as well.
(func $is_wrong (param $found i32) (result i32)
  (if (result i32) (i32.eq (local.get $found) (i32.const -1))
    (then (i32.ne (call $raised) (i32.const 0)))
    (else (i32.const 0))))

(func $get_scalar (param $self i32) (param $arguments i32) (param $count i32) (result i32)
  (local $out i32) (local $field i32) (local $data i32) (local $kind i32) (local $result i32)
  (local.set $field (call $u32 (local.get $arguments) (i32.const 0)))
  (local.set $data (call $u32 (local.get $arguments) (i32.const 1)))
  (local.set $kind (call $u32 (local.get $arguments) (i32.const 2)))
  (if (call $is_wrong (i32.or (local.get $field) (i32.or (local.get $data) (local.get $kind))))
    (then (return (i32.const 0))))
  (local.set $out (call $push))
  (call $host.get_scalar (local.get $field) (local.get $data) (local.get $kind) (local.get $out))
  (local.set $result
    (if (result i32) (i32.load8_u (local.get $out))
      (then (call $from_u64 (i64.load offset=8 (local.get $out))))
      (else (global.get $none))))
  (call $pop)
  (local.get $result))

(func $get_buffer (param $self i32) (param $arguments i32) (param $count i32) (result i32)
  (call $get_bytes (local.get $arguments) (call $u32 (local.get $arguments) (i32.const 2)) (i32.const 3) (i32.const 0)))

(func $get_text (param $self i32) (param $arguments i32) (param $count i32) (result i32)
  (call $get_bytes (local.get $arguments) (i32.const {String}) (i32.const 2) (i32.const 1)))

;; The bytes of a field, as such or decoded; $capacity is the number of the argument that says how many at most.
(func $get_bytes (param $arguments i32) (param $kind i32) (param $capacity i32) (param $is_text i32) (result i32)
  (local $out i32) (local $field i32) (local $data i32) (local $from i32) (local $length i32) (local $result i32)
  (local.set $field (call $u32 (local.get $arguments) (i32.const 0)))
  (local.set $data (call $u32 (local.get $arguments) (i32.const 1)))
  (local.set $capacity (call $u32 (local.get $arguments) (local.get $capacity)))
  (if (call $is_wrong
        (i32.or
          (i32.or (local.get $field) (local.get $data))
          (i32.or (local.get $kind) (local.get $capacity))))
    (then (return (i32.const 0))))
  (local.set $out (call $push))
  (call $host.get_buffer
    (local.get $field) (local.get $data) (local.get $kind) (local.get $capacity) (local.get $out))
  (local.set $result (global.get $none))
  (if (i32.load8_u (local.get $out))
    (then
      (local.set $from (i32.load offset=4 (local.get $out)))
      (local.set $length (i32.load offset=8 (local.get $out)))
      (local.set $result
        (if (result i32) (local.get $is_text)
          (then (call $decode (local.get $from) (local.get $length) (call $at (i32.const 127))))
          (else (call $new_bytes (local.get $from) (local.get $length)))))
      (call $free (local.get $from))))
  (call $pop)
  (local.get $result))

(func $set_scalar (param $self i32) (param $arguments i32) (param $count i32) (result i32)
  (local $field i32) (local $data i32) (local $kind i32) (local $value i64)
  (local.set $field (call $u32 (local.get $arguments) (i32.const 0)))
  (local.set $data (call $u32 (local.get $arguments) (i32.const 1)))
  (local.set $kind (call $u32 (local.get $arguments) (i32.const 2)))
  (local.set $value (call $as_u64 (i32.load offset=12 (local.get $arguments))))
  (if (call $is_wrong
        (i32.or
          (i32.or (local.get $field) (local.get $data))
          (i32.or (local.get $kind) (i32.wrap_i64 (local.get $value)))))
    (then (return (i32.const 0))))
  (call $from_s32
    (call $host.set_scalar (local.get $field) (local.get $data) (local.get $kind) (local.get $value))))

(func $set_buffer (param $self i32) (param $arguments i32) (param $count i32) (result i32)
  (local $out i32) (local $failed i32) (local $from i32) (local $length i32)
  (local.set $out (call $push))
  (local.set $failed
    (call $bytes (i32.load offset=12 (local.get $arguments)) (local.get $out)
      (i32.add (local.get $out) (i32.const 4))))
  (local.set $from (i32.load (local.get $out)))
  (local.set $length (i32.load offset=4 (local.get $out)))
  (call $pop)
  (if (local.get $failed) (then (return (i32.const 0))))
  (call $set_bytes (local.get $arguments) (call $u32 (local.get $arguments) (i32.const 2))
    (local.get $from) (local.get $length)))

(func $set_text (param $self i32) (param $arguments i32) (param $count i32) (result i32)
  (local $out i32) (local $from i32) (local $length i32)
  (local.set $out (call $push))
  (local.set $from (call $encode (i32.load offset=8 (local.get $arguments)) (local.get $out)))
  (local.set $length (i32.load (local.get $out)))
  (call $pop)
  (if (i32.eqz (local.get $from)) (then (return (i32.const 0))))
  (call $set_bytes (local.get $arguments) (i32.const {String}) (local.get $from) (local.get $length)))

;; The adapter frees the bytes it is given, so it gets a copy.
(func $set_bytes (param $arguments i32) (param $kind i32) (param $from i32) (param $length i32) (result i32)
  (local $field i32) (local $data i32) (local $copy i32)
  (local.set $field (call $u32 (local.get $arguments) (i32.const 0)))
  (local.set $data (call $u32 (local.get $arguments) (i32.const 1)))
  (if (call $is_wrong (i32.or (local.get $field) (i32.or (local.get $data) (local.get $kind))))
    (then (return (i32.const 0))))
  (if (local.get $length)
    (then
      (if (i32.eqz (local.tee $copy (call $malloc (local.get $length)))) (then (return (call $no_memory))))
      (memory.copy (local.get $copy) (local.get $from) (local.get $length))))
  (call $from_s32
    (call $host.set_buffer
      (local.get $field) (local.get $data) (local.get $kind) (local.get $copy) (local.get $length))))

(func $set_callback (param $self i32) (param $arguments i32) (param $count i32) (result i32)
  (call $retain (i32.load (local.get $arguments)))
  (i32.store (call $at (i32.const 148)) (i32.load (local.get $arguments)))
  (global.get $none))

;; What gadgets do with exceptions is done in Python. One that gets here ends the module, as componentize-py's runtime
;; would have it.
(func (export "data-source-callback") (param $callback i64) (param $source i32) (param $data i32)
  (local $state i32) (local $arguments i32) (local $result i32)
  (local.set $state (call $lock))
  (local.set $arguments (call $push))
  (i32.store (local.get $arguments) (call $from_u64 (local.get $callback)))
  (i32.store offset=4 (local.get $arguments) (call $from_u32 (local.get $source)))
  (i32.store offset=8 (local.get $arguments) (call $from_u32 (local.get $data)))
  (local.set $result
    (call $call (i32.load (call $at (i32.const 148))) (local.get $arguments) (i32.const 3) (i32.const 0)))
  (call $release (i32.load (local.get $arguments)))
  (call $release (i32.load offset=4 (local.get $arguments)))
  (call $release (i32.load offset=8 (local.get $arguments)))
  (if (i32.eqz (local.get $result))
    (then
      (call $print_error (i32.const 0))
      (unreachable)))
  (call $release (local.get $result))
  (call $pop)
  (call $unlock (local.get $state)))
)
