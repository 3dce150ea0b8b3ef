;; The guest's packets: made on a source, filled, and emitted or released.
;; The type of a packet must fit its source when it is made; whose packet is emitted where is not checked, as upstream.

(func $dataSourceNewPacketSingle (export "dataSourceNewPacketSingle") (type $dataSourceNewPacketSingle) (param $source i32) (result i32)
  (call $count)
  (call $packet_new (i32.const {fn.dataSourceNewPacketSingle}) (local.get $source) (i32.const {kind.single})))

(func $dataSourceNewPacketArray (export "dataSourceNewPacketArray") (type $dataSourceNewPacketArray) (param $source i32) (result i32)
  (call $count)
  (call $packet_new (i32.const {fn.dataSourceNewPacketArray}) (local.get $source) (i32.const {kind.array})))

(func $packet_new (param $function i32) (param $handle i32) (param $kind i32) (result i32)
  (local $source i32) (local $packet i32) (local $result i32) (local $why i32)
  (block $fail
    (local.set $why (i32.const {why.not_source}))
    (br_if $fail (i32.eqz (local.tee $source (call $handle_find (local.get $handle) (i32.const {kind.source})))))
    (local.set $why (i32.const {why.source_type}))
    (br_if $fail
      (i32.ne (i32.eq (local.get $kind) (i32.const {kind.array})) (call $source_is_array (local.get $source))))
    (local.set $why (i32.const {why.memory}))
    (local.set $packet
      (if (result i32) (call $source_is_array (local.get $source))
        (then (call $array_new (local.get $source)))
        (else (call $element_blank (local.get $source) (local.get $kind)))))
    (br_if $fail (i32.eqz (local.get $packet)))
    (if (local.tee $result (call $handle_new (local.get $kind) (local.get $packet)))
      (then (return (local.get $result))))
    (call $object_release (local.get $packet))
    (local.set $why (i32.const {why.table_full})))
  (call $warn (local.get $function) (local.get $why) (local.get $handle))
  (i32.const {error.dataSourceNewPacketSingle}))

(func $source_is_array (@inline) (param $source i32) (result i32)
  (i32.eq (i32.load offset={source.type} (local.get $source)) (i32.const {SourceType.Array})))

;; The packet behind a handle used together with a source's; else 0, and warns.
(func $packet_find (param $function i32) (param $source i32) (param $packet i32) (result i32)
  (local $object i32)
  (if (i32.eqz (call $handle_find (local.get $source) (i32.const {kind.source})))
    (then
      (call $warn (local.get $function) (i32.const {why.not_source}) (local.get $source))
      (return (i32.const 0))))
  (if (i32.eqz (local.tee $object (call $handle_find (local.get $packet) (i32.const {kinds.packet}))))
    (then (call $warn (local.get $function) (i32.const {why.not_packet}) (local.get $packet))))
  (local.get $object))

(func $dataSourceRelease (export "dataSourceRelease") (type $dataSourceRelease) (param $source i32) (param $packet i32) (result i32)
  (call $count)
  (if (i32.eqz
        (call $packet_find (i32.const {fn.dataSourceRelease}) (local.get $source) (local.get $packet)))
    (then (return (i32.const {error.dataSourceRelease}))))
  (@if {change.release-drops-handle} (then (drop (call $handle_release (local.get $packet)))))
  (i32.const 0))

;; The handle is gone before anyone sees the packet, whatever becomes of it; in older releases nothing frees it.
(func $dataSourceEmitAndRelease (export "dataSourceEmitAndRelease") (type $dataSourceEmitAndRelease) (param $source i32) (param $packet i32) (result i32)
  (call $count)
  (if (i32.eqz
        (call $packet_find (i32.const {fn.dataSourceEmitAndRelease}) (local.get $source) (local.get $packet)))
    (then (return (i32.const {error.dataSourceEmitAndRelease}))))
  (call $emit (call $handle_find (local.get $source) (i32.const {kind.source}))
    (@if {change.emit-drops-handle}
      (then (call $handle_take (local.get $packet)))
      (else
        (call $object_retain (call $handle_find (local.get $packet) (i32.const {kinds.packet})))))))
