;; The round-trip contract by hand. languages.py makes a module of it:
;;   * @imports becomes the imports of the signature set,
;;   * lines between ";;[ FLAG" and ";;]" are kept where the flag is set ("!FLAG": where it is not),
;;   * an @ before a text becomes the constant that points to it, and the text is laid down in memory.
;;
;; Memory: 8 error cell (0 would be none)   16 four bytes of a map's key     24 eight of its value
;;         256 the own event's scalars, 8 bytes each, at 256 + kind * 8
;;         1024 field handles: (in, out, rows, rows_out) x 4 bytes, at 1024 + kind * 16
;;         4096 texts            16 KiB the line that is being written, 16 KiB
;;         64 KiB the buffer for what the host writes, 2 MiB; where the host calls malloc, the heap
(module
@imports
  (memory (export "memory") 40)
  (data (i32.const 264)
    "\01\00\00\00\00\00\00\00" "\80\ff\ff\ff\ff\ff\ff\ff" "\00\80\ff\ff\ff\ff\ff\ff" "\00\00\00\80\ff\ff\ff\ff"
    "\00\00\00\00\00\00\00\80" "\ff\00\00\00\00\00\00\00" "\ff\ff\00\00\00\00\00\00" "\ff\ff\ff\ff\00\00\00\00"
    "\ff\ff\ff\ff\ff\ff\ff\ff" "\00\00\c0\3f\00\00\00\00" "\00\00\00\00\00\00\00\80")
  (global $in (mut i32) (i32.const 0))
  (global $out (mut i32) (i32.const 0))
  (global $rows (mut i32) (i32.const 0))
  (global $rows_out (mut i32) (i32.const 0))
  (global $calls_n (mut i32) (i32.const 0))
  (global $calls_text (mut i32) (i32.const 0))
  (global $lists_n (mut i32) (i32.const 0))
  (global $end (mut i32) (i32.const 0))

  ;; ---------------------------------------------------------------------------------------- packed pointers

  ;; pack(address, length) = length << 32 | address
  (func $pack (param $address i32) (param $length i32) (result i64)
    (i64.or (i64.extend_i32_u (local.get $address))
            (i64.shl (i64.extend_i32_u (local.get $length)) (i64.const 32))))
  (func $address (param $text i64) (result i32) (i32.wrap_i64 (local.get $text)))
  (func $length (param $text i64) (result i32) (i32.wrap_i64 (i64.shr_u (local.get $text) (i64.const 32))))
  (func $must (param $holds i32) (if (i32.eqz (local.get $holds)) (then unreachable)))

  ;; the text up to its first NUL
  (func $cut (param $text i64) (result i64)
    (local $count i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $count) (call $length (local.get $text))))
        (br_if $done (i32.eqz (i32.load8_u (i32.add (call $address (local.get $text)) (local.get $count)))))
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        (br $next)))
    (call $pack (call $address (local.get $text)) (local.get $count)))

  ;; --------------------------------------------------------------------------------------------- transcript

  (func $say (param $text i64) (call $gadgetLog (i32.const 2) (local.get $text)))
  (func $add (param $text i64)
    (memory.copy (global.get $end) (call $address (local.get $text)) (call $length (local.get $text)))
    (global.set $end (i32.add (global.get $end) (call $length (local.get $text)))))
  (func $digits (param $number i64)
    (if (i64.ge_u (local.get $number) (i64.const 10))
      (then (call $digits (i64.div_u (local.get $number) (i64.const 10)))))
    (i32.store8 (global.get $end)
      (i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (local.get $number) (i64.const 10)))))
    (global.set $end (i32.add (global.get $end) (i32.const 1))))
  (func $begin (param $text i64)
    (global.set $end (i32.const 16384))
    (call $add (local.get $text))
    (call $add @": "))
  (func $finish (call $say (call $pack (i32.const 16384) (i32.sub (global.get $end) (i32.const 16384)))))
  (func $tell (param $text i64) (param $value i64)
    (call $begin (local.get $text)) (call $add (local.get $value)) (call $finish))
  (func $count (param $text i64) (param $number i64)
    (call $begin (local.get $text)) (call $digits (local.get $number)) (call $finish))
  (func $answer (param $text i64) (param $flag i32)
    (call $tell (local.get $text) (select @"yes" @"no" (local.get $flag))))

  ;; ------------------------------------------------------------------------------------------ reading fields
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

  ;; ------------------------------------------------------------------------------------------- copying events

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

  ;; -------------------------------------------------------------------------------------------- gadgetInit

  (func (export "gadgetAPIVersion") (result i64) (i64.const 1))

  (func $subscribe (param $source i32) (param $type i32) (param $priority i32) (param $callback i64)
    (call $must (i32.eqz (call $dataSourceSubscribe
      (local.get $source) (local.get $type) (local.get $priority) (local.get $callback)))))

  (func $find_fields
    (local $kind i32) (local $name i64)
    (local.set $kind (i32.const 1))
    (loop $next
      (local.set $name (call $kind_name (local.get $kind)))
      (call $keep (local.get $kind) (i32.const 0) (call $dataSourceGetField (global.get $in) (local.get $name)))
      (call $keep (local.get $kind) (i32.const 1)
        (call $dataSourceAddField (global.get $out) (local.get $name) (local.get $kind)))
      (call $keep (local.get $kind) (i32.const 2) (call $dataSourceGetField (global.get $rows) (local.get $name)))
      (call $keep (local.get $kind) (i32.const 3)
        (call $dataSourceAddField (global.get $rows_out) (local.get $name) (local.get $kind)))
      (local.set $kind (i32.add (local.get $kind) (i32.const 1)))
      (br_if $next (i32.le_u (local.get $kind) (i32.const 14)))))

  (func $find_sources
    (local $calls i32) (local $lists i32)
    (global.set $in (call $getDataSource @"in"))
    (global.set $out (call $newDataSource @"out" (i32.const 1)))
    (global.set $rows (call $getDataSource @"rows"))
    (global.set $rows_out (call $newDataSource @"rows_out" (i32.const 2)))
    (call $find_fields)
    (local.set $calls (call $getDataSource @"calls"))
    (local.set $lists (call $getDataSource @"lists"))
    (global.set $calls_n (call $dataSourceGetField (local.get $calls) @"n"))
    (global.set $calls_text (call $dataSourceGetField (local.get $calls) @"text"))
    (global.set $lists_n (call $dataSourceGetField (local.get $lists) @"n"))
    (call $subscribe (global.get $in) (i32.const 1) (i32.const 0) (i64.const 1))
    (call $subscribe (global.get $rows) (i32.const 2) (i32.const 0) (i64.const 2))
    (call $subscribe (local.get $calls) (i32.const 1) (i32.const 10) (i64.const 11))
    (call $subscribe (local.get $calls) (i32.const 3) (i32.const -10) (i64.const 12))
    (call $subscribe (local.get $calls) (i32.const 1) (i32.const 0) (i64.const 13))
    (call $subscribe (local.get $lists) (i32.const 1) (i32.const 0) (i64.const 21))
    (call $subscribe (local.get $lists) (i32.const 2) (i32.const 10) (i64.const 22))
    ;; the number of a callback has 64 bits
    (call $subscribe (local.get $lists) (i32.const 3) (i32.const -10) (i64.const 0x8000000000000017)))

  (func (export "gadgetInit") (result i32)
    ;;[ set3
    (local $hidden i32)
    ;;]
    (call $find_sources)
    (call $say @"init")
    (call $answer @"missing source" (call $getDataSource @"nowhere"))
    (call $answer @"missing field" (call $dataSourceGetField (global.get $in) @"nothing"))
    (call $answer @"second field" (call $dataSourceAddField (global.get $out) @"Bool" (i32.const 1)))
    ;;[ set2
    (call $answer @"config set" (i32.eqz (call $setConfig @"round.trip" @"värde" (i32.const 12))))
    ;;]
    ;;[ set3
    (local.set $hidden (call $newDataSource @"hidden" (i32.const 1)))
    (call $answer @"referenced" (i32.eq (i32.const 1) (call $dataSourceIsReferenced (local.get $hidden))))
    (call $must (i32.eqz (call $dataSourceUnreference (local.get $hidden))))
    (call $answer @"referenced" (i32.eq (i32.const 1) (call $dataSourceIsReferenced (local.get $hidden))))
    (call $answer @"hidden source" (call $getDataSource @"hidden"))
    (call $must (i32.eqz (call $fieldAddTag (call $handle (i32.const 12) (i32.const 1)) @"round:trip")))
    ;;]
    ;;[ set7
    (call $answer @"discard 2" (call $shouldDiscardMntnsID (i64.const 2)))
    ;;]
    (i32.const 0))

  ;; -------------------------------------------------------------------------------------------- gadgetStart

  (func $emit_own
    (local $packet i32) (local $kind i32)
    (local.set $packet (call $dataSourceNewPacketSingle (global.get $out)))
    (local.set $kind (i32.const 1))
    (loop $next
      (call $set (call $handle (local.get $kind) (i32.const 1)) (local.get $packet) (local.get $kind)
        (i64.load (i32.add (i32.const 256) (i32.mul (local.get $kind) (i32.const 8)))))
      (local.set $kind (i32.add (local.get $kind) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $kind) (i32.const 12))))
    (call $set (call $handle (i32.const 12) (i32.const 1)) (local.get $packet) (i32.const 12) @"own \00 ä€😀")
    (call $set (call $handle (i32.const 13) (i32.const 1)) (local.get $packet) (i32.const 12) @"of C")
    (call $set (call $handle (i32.const 14) (i32.const 1)) (local.get $packet) (i32.const 14) @"\00\ff\00")
    (call $must (i32.eqz (call $dataSourceEmitAndRelease (global.get $out) (local.get $packet))))
    (call $must (i32.eqz (call $dataSourceRelease (global.get $out)
      (call $dataSourceNewPacketSingle (global.get $out))))))

  (func $emit_rows
    (local $packet i32) (local $row i32) (local $number i32)
    (local.set $packet (call $dataSourceNewPacketArray (global.get $rows_out)))
    (local.set $number (i32.const 1))
    (loop $next
      (local.set $row (call $dataArrayNew (local.get $packet)))
      (call $set (call $handle (i32.const 4) (i32.const 3)) (local.get $row) (i32.const 4)
        (i64.extend_i32_u (local.get $number)))
      (call $must (i32.eqz (call $dataArrayAppend (local.get $packet) (local.get $row))))
      (local.set $number (i32.add (local.get $number) (i32.const 1)))
      (br_if $next (i32.le_u (local.get $number) (i32.const 2))))
    (call $must (i32.eqz (call $dataArrayRelease (local.get $packet) (call $dataArrayNew (local.get $packet)))))
    (call $count @"rows made" (i64.extend_i32_u (call $dataArrayLen (local.get $packet))))
    (call $must (i32.eqz (call $dataSourceEmitAndRelease (global.get $rows_out) (local.get $packet)))))

  (func $start
    (call $say @"start")
    (call $gadgetLog (i32.const 0) @"level 0")
    (call $gadgetLog (i32.const 1) @"level 1")
    (call $gadgetLog (i32.const 2) @"level 2")
    (call $gadgetLog (i32.const 3) @"level 3")
    (call $gadgetLog (i32.const 4) @"level 4")
    (call $say @"")
    (call $say @"ä€😀")
    (call $emit_own)
    (call $emit_rows))

  ;;[ set2
  ;;[ malloc
  (func $tell_param (param $text i64) (param $key i64)
    (local $value i64)
    (local.set $value (call $getParamValue (local.get $key)))
    (call $must (i32.eqz (i64.eqz (local.get $value))))
    (call $tell (local.get $text) (local.get $value))
    (call $free (local.get $value)))
  (func $params
    (call $tell_param @"text" @"text")
    (call $tell_param @"long" @"long")
    (call $answer @"missing parameter" (i32.eqz (i64.eqz (call $getParamValue @"nothing")))))
  ;;]
  ;;[ !malloc
  (func $tell_param (param $text i64) (param $key i64)
    (call $must (i32.eqz (call $getParamValue (local.get $key) (call $cleared (i32.const 4096)))))
    (call $tell (local.get $text) (call $cut (call $pack (i32.const 65536) (i32.const 4096)))))
  (func $params
    (call $tell_param @"text" @"text")
    (call $tell_param @"long" @"long")
    (call $answer @"missing parameter"
      (i32.eqz (call $getParamValue @"nothing" (call $cleared (i32.const 4096))))))
  ;;]
  ;;]

  ;;[ set3
  (func $key (param $key i32) (result i64)
    (i32.store (i32.const 16) (local.get $key))
    (call $pack (i32.const 16) (i32.const 4)))
  (func $value (param $value i64) (result i64)
    (i64.store (i32.const 24) (local.get $value))
    (call $pack (i32.const 24) (i32.const 8)))
  (func $look_up (param $text i64) (param $map i32) (param $key i32)
    (if (call $mapLookup (local.get $map) (call $key (local.get $key)) (call $value (i64.const 0)))
      (then (call $answer (local.get $text) (i32.const 0)))
      (else (call $count (local.get $text) (i64.load (i32.const 24))))))
  (func $update (param $text i64) (param $map i32) (param $key i32) (param $value i64) (param $flags i64)
    (call $answer (local.get $text) (i32.eqz (call $mapUpdate (local.get $map)
      (call $key (local.get $key)) (call $value (local.get $value)) (local.get $flags)))))
  (func $maps
    (local $numbers i32) (local $made i32)
    (local.set $numbers (call $getMap @"numbers"))
    (call $look_up @"value 1" (local.get $numbers) (i32.const 1))
    (call $update @"update 2" (local.get $numbers) (i32.const 2) (i64.const 22) (i64.const 0))
    (call $update @"create 2" (local.get $numbers) (i32.const 2) (i64.const 23) (i64.const 1))
    (call $update @"replace 9" (local.get $numbers) (i32.const 9) (i64.const 9) (i64.const 2))
    (call $answer @"delete 1" (i32.eqz (call $mapDelete (local.get $numbers) (call $key (i32.const 1)))))
    (call $answer @"delete 1" (i32.eqz (call $mapDelete (local.get $numbers) (call $key (i32.const 1)))))
    (call $look_up @"value 1" (local.get $numbers) (i32.const 1))
    (call $answer @"missing map" (call $getMap @"nothing"))
    (local.set $made
      (call $newMap @"made" (i32.const 1) (i32.const 4) (i32.const 8) (i32.const 4)))
    (call $must (i32.eqz (call $mapUpdate (local.get $made)
      (call $key (i32.const 3)) (call $value (i64.const 33)) (i64.const 0))))
    (call $look_up @"made 3" (local.get $made) (i32.const 3))
    (call $answer @"map released" (i32.eqz (call $mapRelease (local.get $made)))))
  ;;]

  ;;[ set4
  (func $syscall (param $text i64) (param $number i32)
    ;;[ malloc
    (local $name i64)
    (local.set $name (call $getSyscallName (local.get $number)))
    (call $tell (local.get $text) (local.get $name))
    (call $free (local.get $name)))
    ;;]
    ;;[ !malloc
    (call $must (i32.eqz (call $getSyscallName (local.get $number) (call $cleared (i32.const 64)))))
    (call $tell (local.get $text) (call $cut (call $pack (i32.const 65536) (i32.const 64)))))
    ;;]

  ;; The declaration goes where no malloc reaches: to the line buffer's second half.
  (func $declaration
    (local $at i32) (local $left i32)
    (local.set $at (i32.const 24576))
    (call $must (i32.eqz (call $getSyscallDeclaration @"read" (call $pack (local.get $at) (i32.const 252)))))
    (call $tell @"declared" (call $cut (call $pack (local.get $at) (i32.const 32))))
    (local.set $left (i32.load8_u (i32.add (local.get $at) (i32.const 32))))
    (call $count @"parameters" (i64.extend_i32_u (local.get $left)))
    (local.set $at (i32.add (local.get $at) (i32.const 36)))
    (loop $next
      (call $tell
        (select @"pointer" @"value"
          (i32.and (i32.const 1) (i32.load (i32.add (local.get $at) (i32.const 32)))))
        (call $cut (call $pack (local.get $at) (i32.const 32))))
      (local.set $at (i32.add (local.get $at) (i32.const 36)))
      (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (call $answer @"missing declaration" (i32.eqz
      (call $getSyscallDeclaration @"nothing" (call $pack (i32.const 24576) (i32.const 252))))))

  (func $record (param $reader i32) (param $text i64)
    (local $result i32) (local $record i64)
    ;;[ malloc
    (i64.store (i32.const 24) (i64.const 0))
    (local.set $result (call $perfReaderRead (local.get $reader) (i32.const 24)))
    (local.set $record (i64.load (i32.const 24)))
    ;;]
    ;;[ !malloc
    (local.set $record (call $pack (i32.const 65536) (i32.const 12)))
    (local.set $result (call $perfReaderRead (local.get $reader) (local.get $record)))
    ;;]
    (if (local.get $result)
      (then
        (call $must (i32.eq (local.get $result) (i32.const 2))) ;; drained
        (call $answer (local.get $text) (i32.const 0)))
      (else
        (call $tell (local.get $text) (local.get $record))
        (call $free (local.get $record)))))

  (func $perf
    (local $reader i32)
    (local.set $reader (call $newPerfReader (call $getMap @"events") (i32.const 4096) (i32.const 1)))
    (call $must (i32.eqz (call $perfReaderPause (local.get $reader))))
    (call $record (local.get $reader) @"record")
    (call $record (local.get $reader) @"record")
    (call $record (local.get $reader) @"third record")
    (call $must (i32.eqz (call $perfReaderResume (local.get $reader))))
    (call $answer @"reader closed" (i32.eqz (call $perfReaderClose (local.get $reader)))))

  (func $machine
    (call $answer @"handle released" (i32.eqz (call $releaseHandle (call $getMap @"numbers"))))
    (call $syscall @"syscall 0" (i32.const 0))
    (call $syscall @"syscall 4095" (i32.const 4095))
    (call $declaration)
    (call $answer @"symbol round_trip" (call $kallsymsSymbolExists @"round_trip"))
    (call $answer @"symbol nothing" (call $kallsymsSymbolExists @"nothing"))
    (call $perf))
  ;;]

  ;;[ set2
  (func (export "gadgetPreStart") (result i32)
    (call $say @"pre-start")
    (i32.const 0))
  ;;]

  (func (export "gadgetStart") (result i32)
    (call $start)
    ;;[ set2
    (call $params)
    ;;]
    ;;[ set3
    (call $maps)
    ;;]
    ;;[ set4
    (call $machine)
    ;;]
    ;;[ set5
    (call $count @"id of openat" (i64.extend_i32_u (call $getSyscallID @"openat")))
    (call $answer @"id of nothing" (i32.ge_s (call $getSyscallID @"nothing") (i32.const 0)))
    ;;]
    ;;[ set7
    (call $answer @"discard 1" (call $shouldDiscardMntnsID (i64.const 1)))
    (call $answer @"discard 2" (call $shouldDiscardMntnsID (i64.const 2)))
    ;;]
    ;;[ set8
    (call $answer @"debug wanted" (call $gadgetShouldLog (i32.const 3)))
    (call $answer @"trace wanted" (call $gadgetShouldLog (i32.const 4)))
    ;;]
    (i32.const 0))

  ;; ---------------------------------------------------------------------------------------------- callbacks

  (func $n (param $data i32) (result i64)
    (call $scalar (global.get $calls_n) (local.get $data) (i32.const 9)))

  (func $middle (param $data i32)
    (local $n i64)
    (local.set $n (call $n (local.get $data)))
    (call $count @"middle" (local.get $n))
    (call $set (global.get $calls_n) (local.get $data) (i32.const 9) (i64.add (local.get $n) (i64.const 1)))
    ;;[ set6
    (i32.store (i32.const 8) (i32.const 0))
    (drop (call $fieldGetScalar (global.get $calls_text) (local.get $data) (i32.const 8) (i32.const 8)))
    (call $answer @"wrong width" (i32.eqz (i32.load (i32.const 8))))
    ;;]
    )

  (func $element (param $data i32)
    (local $n i64)
    (local.set $n (call $scalar (global.get $lists_n) (local.get $data) (i32.const 9)))
    (call $count @"element" (local.get $n))
    (call $set (global.get $lists_n) (local.get $data) (i32.const 9) (i64.add (local.get $n) (i64.const 1))))

  (func $array (param $array i32)
    (local $row i32)
    (call $count @"array of" (i64.extend_i32_u (call $dataArrayLen (local.get $array))))
    (local.set $row (call $dataArrayNew (local.get $array)))
    (call $set (global.get $lists_n) (local.get $row) (i32.const 9) (i64.const 99))
    (call $must (i32.eqz (call $dataArrayAppend (local.get $array) (local.get $row)))))

  (func (export "dataSourceCallback") (param $callback i64) (param $source i32) (param $data i32)
    (if (i64.eq (local.get $callback) (i64.const 1)) (then (call $copy_event (local.get $data)) (return)))
    (if (i64.eq (local.get $callback) (i64.const 2)) (then (call $copy_rows (local.get $data)) (return)))
    (if (i64.eq (local.get $callback) (i64.const 11))
      (then (call $count @"data" (call $n (local.get $data))) (return)))
    (if (i64.eq (local.get $callback) (i64.const 12))
      (then (call $count @"packet" (call $n (local.get $data))) (return)))
    (if (i64.eq (local.get $callback) (i64.const 13)) (then (call $middle (local.get $data)) (return)))
    (if (i64.eq (local.get $callback) (i64.const 21)) (then (call $element (local.get $data)) (return)))
    (if (i64.eq (local.get $callback) (i64.const 22)) (then (call $array (local.get $data)) (return)))
    (call $must (i64.eq (local.get $callback) (i64.const 0x8000000000000017)))
    (call $count @"packet of" (i64.extend_i32_u (call $dataArrayLen (local.get $data)))))

  ;; -------------------------------------------------------------------------------------------- gadgetStop

  (func (export "gadgetStop") (result i32)
    (local $packet i32)
    (call $say @"stop")
    (local.set $packet (call $dataSourceNewPacketSingle (global.get $out)))
    (call $set (call $handle (i32.const 5) (i32.const 1)) (local.get $packet) (i32.const 5) (i64.const -1))
    (call $must (i32.eqz (call $dataSourceEmitAndRelease (global.get $out) (local.get $packet))))
    ;;[ malloc
    (call $must (i32.eq (global.get $heap) (i32.const 65536))) ;; all that the host allocated was freed
    ;;]
    (i32.const 0))
  ;;[ set6
  (func (export "gadgetPostStop") (result i32)
    (call $say @"post-stop")
    (i32.const 0))
  ;;]
)
