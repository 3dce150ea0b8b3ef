;; The round-trip contract, by hand: every event of "in" is read field by field with the raw calls and written to a
;; new packet of "out"; every array of "rows" likewise to "rows_out".
;;
;; Memory: 0 kind names, 8 bytes each, NUL-padded, at kind * 8
;;         256 source names        512 error cell
;;         1024 field handles: (in, out, rows, rows_out) x 4 bytes, at 1024 + kind * 16
;;         64 KiB the buffer, 2 MiB
(module
  (import "ig" "newDataSource" (func $newDataSource (param i64 i32) (result i32)))
  (import "ig" "getDataSource" (func $getDataSource (param i64) (result i32)))
  (import "ig" "dataSourceSubscribe" (func $subscribe (param i32 i32 i32 i64) (result i32)))
  (import "ig" "dataSourceGetField" (func $getField (param i32 i64) (result i32)))
  (import "ig" "dataSourceAddField" (func $addField (param i32 i64 i32) (result i32)))
  (import "ig" "dataSourceNewPacketSingle" (func $newPacketSingle (param i32) (result i32)))
  (import "ig" "dataSourceNewPacketArray" (func $newPacketArray (param i32) (result i32)))
  (import "ig" "dataSourceEmitAndRelease" (func $emit (param i32 i32) (result i32)))
  (import "ig" "dataArrayNew" (func $arrayNew (param i32) (result i32)))
  (import "ig" "dataArrayAppend" (func $arrayAppend (param i32 i32) (result i32)))
  (import "ig" "dataArrayLen" (func $arrayLen (param i32) (result i32)))
  (import "ig" "dataArrayGet" (func $arrayGet (param i32 i32) (result i32)))
  (import "ig" "fieldGetScalar" (func $getScalar (param i32 i32 i32 i32) (result i64)))
  (import "ig" "fieldGetBuffer" (func $getBuffer (param i32 i32 i32 i64) (result i32)))
  (import "ig" "fieldSet" (func $set (param i32 i32 i32 i64) (result i32)))

  (memory (export "memory") 40)
  (data (i32.const 8)
    "Bool\00\00\00\00Int8\00\00\00\00Int16\00\00\00Int32\00\00\00Int64\00\00\00Uint8\00\00\00Uint16\00\00"
    "Uint32\00\00Uint64\00\00Float32\00Float64\00String\00\00CString\00Bytes\00\00\00")
  (data (i32.const 256) "in\00\00\00\00\00\00out\00\00\00\00\00rows\00\00\00\00rows_out")
  (global $in (mut i32) (i32.const 0))
  (global $out (mut i32) (i32.const 0))
  (global $rows (mut i32) (i32.const 0))
  (global $rows_out (mut i32) (i32.const 0))

  ;; pack(address, length) = length << 32 | address
  (func $pack (param $address i32) (param $length i32) (result i64)
    (i64.or (i64.extend_i32_u (local.get $address))
            (i64.shl (i64.extend_i32_u (local.get $length)) (i64.const 32))))

  ;; a packed pointer to the NUL-padded name of up to 8 bytes at an address
  (func $name (param $address i32) (result i64)
    (local $length i32)
    (loop $next
      (if (i32.and (i32.lt_u (local.get $length) (i32.const 8))
                   (i32.ne (i32.load8_u (i32.add (local.get $address) (local.get $length))) (i32.const 0)))
        (then (local.set $length (i32.add (local.get $length) (i32.const 1))) (br $next))))
    (call $pack (local.get $address) (local.get $length)))

  (func $handle (param $kind i32) (param $column i32) (result i32)
    (i32.load (i32.add (i32.add (i32.const 1024) (i32.mul (local.get $kind) (i32.const 16)))
                       (i32.mul (local.get $column) (i32.const 4)))))
  (func $keep (param $kind i32) (param $column i32) (param $handle i32)
    (i32.store (i32.add (i32.add (i32.const 1024) (i32.mul (local.get $kind) (i32.const 16)))
                        (i32.mul (local.get $column) (i32.const 4)))
               (local.get $handle)))

  (func (export "gadgetAPIVersion") (result i64) (i64.const 1))
  (func (export "gadgetInit") (result i32)
    (local $kind i32) (local $text i64)
    (global.set $in (call $getDataSource (call $name (i32.const 256))))
    (global.set $out (call $newDataSource (call $name (i32.const 264)) (i32.const 1)))
    (global.set $rows (call $getDataSource (call $name (i32.const 272))))
    (global.set $rows_out (call $newDataSource (call $name (i32.const 280)) (i32.const 2)))
    (local.set $kind (i32.const 1))
    (loop $next
      (local.set $text (call $name (i32.mul (local.get $kind) (i32.const 8))))
      (call $keep (local.get $kind) (i32.const 0) (call $getField (global.get $in) (local.get $text)))
      (call $keep (local.get $kind) (i32.const 1)
        (call $addField (global.get $out) (local.get $text) (local.get $kind)))
      (call $keep (local.get $kind) (i32.const 2) (call $getField (global.get $rows) (local.get $text)))
      (call $keep (local.get $kind) (i32.const 3)
        (call $addField (global.get $rows_out) (local.get $text) (local.get $kind)))
      (local.set $kind (i32.add (local.get $kind) (i32.const 1)))
      (br_if $next (i32.le_u (local.get $kind) (i32.const 14))))
    (i32.or (call $subscribe (global.get $in) (i32.const 1) (i32.const 0) (i64.const 1))
            (call $subscribe (global.get $rows) (i32.const 2) (i32.const 0) (i64.const 2))))

  ;; copy every field of one element to another; column 0 for single sources, 2 for arrays
  (func $copy (param $from i32) (param $to i32) (param $column i32)
    (local $kind i32) (local $access i32) (local $length i32) (local $value i64)
    (local.set $kind (i32.const 1))
    (loop $next
      (if (i32.lt_u (local.get $kind) (i32.const 12))
        (then
          (i32.store (i32.const 512) (i32.const 0))
          (local.set $access (local.get $kind))
          (local.set $value (call $getScalar (call $handle (local.get $kind) (local.get $column))
            (local.get $from) (local.get $kind) (i32.const 512)))
          (if (i32.load (i32.const 512)) (then unreachable)))
        (else
          ;; CString is not a kind of access: its bytes are read as String
          (local.set $access (select (i32.const 14) (i32.const 12) (i32.eq (local.get $kind) (i32.const 14))))
          (local.set $length (call $getBuffer (call $handle (local.get $kind) (local.get $column))
            (local.get $from) (local.get $access) (call $pack (i32.const 65536) (i32.const 2097152))))
          (if (i32.lt_s (local.get $length) (i32.const 0)) (then unreachable))
          (local.set $value (call $pack (i32.const 65536) (local.get $length)))))
      (if (call $set (call $handle (local.get $kind) (i32.add (local.get $column) (i32.const 1)))
            (local.get $to) (local.get $access) (local.get $value))
        (then unreachable))
      (local.set $kind (i32.add (local.get $kind) (i32.const 1)))
      (br_if $next (i32.le_u (local.get $kind) (i32.const 14)))))

  (func $copy_rows (param $from i32)
    (local $packet i32) (local $row i32) (local $index i32) (local $count i32)
    (local.set $packet (call $newPacketArray (global.get $rows_out)))
    (local.set $count (call $arrayLen (local.get $from)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $index) (local.get $count)))
        (local.set $row (call $arrayNew (local.get $packet)))
        (call $copy (call $arrayGet (local.get $from) (local.get $index)) (local.get $row) (i32.const 2))
        (if (call $arrayAppend (local.get $packet) (local.get $row)) (then unreachable))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $next)))
    (if (call $emit (global.get $rows_out) (local.get $packet)) (then unreachable)))

  (func (export "dataSourceCallback") (param $callback i64) (param $source i32) (param $data i32)
    (local $packet i32)
    (if (i64.eq (local.get $callback) (i64.const 2))
      (then (call $copy_rows (local.get $data)) (return)))
    (local.set $packet (call $newPacketSingle (global.get $out)))
    (call $copy (local.get $data) (local.get $packet) (i32.const 0))
    (if (call $emit (global.get $out) (local.get $packet)) (then unreachable))))
