;; Copying events from "in" to "out" and arrays from "rows" to "rows_out".

;; the name of a kind, out of one text: "       Bool   Int8   ..."
(func $kind_name (param $kind i32) (result i64)
  (call $cut (call $pack
    (i32.add (call $address
        @"Bool\00\00\00\00Int8\00\00\00\00Int16\00\00\00Int32\00\00\00Int64\00\00\00Uint8\00\00\00Uint16\00\00Uint32\00\00Uint64\00\00Float32\00Float64\00String\00\00CString\00Bytes\00\00\00")
      (i32.mul (i32.sub (local.get $kind) (i32.const 1)) (i32.const 8)))
    (i32.const 8))))

(func $handle (param $kind i32) (param $column i32) (result i32)
  (i32.load (i32.add (i32.add (i32.const 1024) (i32.mul (local.get $kind) (i32.const 16)))
                     (i32.mul (local.get $column) (i32.const 4)))))
(func $keep (param $kind i32) (param $column i32) (param $handle i32)
  (i32.store (i32.add (i32.add (i32.const 1024) (i32.mul (local.get $kind) (i32.const 16)))
                      (i32.mul (local.get $column) (i32.const 4)))
             (local.get $handle)))

;; CString is not a kind of access: its bytes are read and written as String
(func $access (param $kind i32) (result i32)
  (select (i32.const 12) (local.get $kind) (i32.eq (local.get $kind) (i32.const 13))))

;; copy every field of one element to another; column 0 for single sources, 2 for arrays
(func $copy (param $from i32) (param $to i32) (param $column i32)
  (local $kind i32) (local $value i64)
  (local.set $kind (i32.const 1))
  (loop $next
    (if (i32.lt_u (local.get $kind) (i32.const 12))
      (then
        (call $set (call $handle (local.get $kind) (i32.add (local.get $column) (i32.const 1))) (local.get $to)
          (local.get $kind)
          (call $scalar (call $handle (local.get $kind) (local.get $column)) (local.get $from) (local.get $kind))))
      (else
        (local.set $value (call $text (call $handle (local.get $kind) (local.get $column)) (local.get $from)
          (call $access (local.get $kind))))
        (call $set (call $handle (local.get $kind) (i32.add (local.get $column) (i32.const 1))) (local.get $to)
          (call $access (local.get $kind)) (local.get $value))
        (call $free (local.get $value))))
    (local.set $kind (i32.add (local.get $kind) (i32.const 1)))
    (br_if $next (i32.le_u (local.get $kind) (i32.const 14)))))

(func $copy_rows (param $from i32)
  (local $packet i32) (local $row i32) (local $index i32) (local $count i32)
  (local.set $packet (call $dataSourceNewPacketArray (global.get $rows_out)))
  (local.set $count (call $dataArrayLen (local.get $from)))
  (block $done
    (loop $next
      (br_if $done (i32.ge_u (local.get $index) (local.get $count)))
      (local.set $row (call $dataArrayNew (local.get $packet)))
      (call $copy (call $dataArrayGet (local.get $from) (local.get $index)) (local.get $row) (i32.const 2))
      (call $must (i32.eqz (call $dataArrayAppend (local.get $packet) (local.get $row))))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br $next)))
  (call $must (i32.eqz (call $dataSourceEmitAndRelease (global.get $rows_out) (local.get $packet)))))

(func $copy_event (param $from i32)
  (local $packet i32)
  (local.set $packet (call $dataSourceNewPacketSingle (global.get $out)))
  (call $copy (local.get $from) (local.get $packet) (i32.const 0))
  (call $must (i32.eqz (call $dataSourceEmitAndRelease (global.get $out) (local.get $packet)))))
