;; Batches: Python writes encoded rows into this memory and calls run once.
;;
;;   rows of a single source: row row ...          rows of an array source: [count: u32] row row ... [count: u32] ...

;; Delivers $rows events of a source, encoded at $at, whose rows hold the first $wire slots.
(func $run (export "run")
  (param $depth i32) (param $source i32) (param $at i32) (param $rows i32) (param $wire i32) (param $batch i32)
  (result i32)
  (local $frame i32)
  (call $unwind (local.get $depth))
  (if (i32.eqz (local.tee $frame (call $frame_push (local.get $source) (i32.const 0) (i32.const 0))))
    (then (return (i32.const {run.too_deep}))))
  (i32.store offset={frame.cursor} (local.get $frame) (local.get $at))
  (i32.store offset={frame.rows} (local.get $frame) (local.get $rows))
  (i32.store offset={frame.row} (local.get $frame) (i32.const 0))
  (i32.store offset={frame.wire} (local.get $frame) (local.get $wire))
  (i32.store offset={frame.batch} (local.get $frame) (local.get $batch))
  (call $run_on (local.get $frame)))

;; Goes on with a batch's run at $depth after its guest callback trapped. A run that was interrupted before it had a
;; frame, or when it had one no more, is done.
(func $resume (export "resume") (param $depth i32) (param $batch i32) (result i32)
  (local $frame i32) (@if {change.callback-error-dropped} (then) (else (local $packet i32)))
  (call $unwind (i32.add (local.get $depth) (i32.const 1)))
  (local.set $frame (call $frame_at (local.get $depth)))
  (if (i32.le_u (i32.load (i32.const {control.depth})) (local.get $depth))
    (then (return (i32.const {run.done}))))
  (if (i32.ne (i32.load offset={frame.batch} (local.get $frame)) (local.get $batch))
    (then (return (i32.const {run.done}))))
  (i32.store (i32.const {control.guest_depth}) (i32.load offset={frame.guest_depth} (local.get $frame)))
  (call $frame_end_callback (local.get $frame))
  (@if {quirk.stop-ends-callbacks} (then (call $end_subscribing (local.get $frame))))
  (@if {change.callback-error-dropped} (then) (else ;; nobody else sees the packet
    (local.set $packet (i32.load offset={frame.packet} (local.get $frame)))
    (i32.store offset={frame.packet} (local.get $frame) (i32.const 0))
    (if (local.get $packet) (then (call $object_release (local.get $packet))))))
  (call $run_on (local.get $frame)))

(func $run_on (param $frame i32) (result i32)
  (local $packet i32) (local $row i32)
  (loop $next
    (if (local.tee $packet (i32.load offset={frame.packet} (local.get $frame)))
      (then
        (drop (call $deliver (local.get $frame))) ;; what a subscriber answered concerns this packet only
        (i32.store offset={frame.packet} (local.get $frame) (i32.const 0))
        (call $packet_release (local.get $packet))))
    (local.set $row (i32.load offset={frame.row} (local.get $frame)))
    (if (i32.ge_u (local.get $row) (i32.load offset={frame.rows} (local.get $frame)))
      (then
        (call $frame_pop)
        (return (i32.const {run.done}))))
    (if (i32.eqz (i32.load offset={frame.guest_depth} (local.get $frame))) (then (call $turn)))
    (call $renew_chain (local.get $frame))
    (if (i32.eqz (call $next_packet (local.get $frame)))
      (then
        (call $frame_pop)
        (return (i32.const {run.memory}))))
    (br $next))
  (unreachable))

;; Subscriptions made during a packet hold from the next on.
(func $renew_chain (@inline) (param $frame i32)
  (local $old i32) (local $source i32)
  (local.set $source (i32.load offset={frame.source} (local.get $frame)))
  (local.set $old (i32.load offset={frame.chain} (local.get $frame)))
  (if (i32.ne (local.get $old) (i32.load offset={source.chain} (local.get $source)))
    (then
      (i32.store offset={frame.chain} (local.get $frame) (call $chain_of (local.get $source)))
      (call $chain_release (local.get $old)))))

;; Makes the packet of the next row and puts the cursor at its first subscriber; 0 without memory.
(func $next_packet (@inline) (param $frame i32) (result i32)
  (local $packet i32) (local $end i32) (local $source i32)
  (local.set $source (i32.load offset={frame.source} (local.get $frame)))
  (if (call $source_is_array (local.get $source))
    (then
      (local.set $end (call $array_of_rows (local.get $frame)))
      (local.set $packet))
    (else
      (local.set $end
        (call $element_of_row (local.get $source) (i32.const {kind.single})
          (i32.load offset={frame.cursor} (local.get $frame))
          (i32.load offset={frame.wire} (local.get $frame))))
      (local.set $packet)))
  (if (i32.eqz (local.get $packet)) (then (return (i32.const 0))))
  (i32.store offset={object.batch} (local.get $packet) (i32.load offset={frame.batch} (local.get $frame)))
  (i32.store offset={object.origin} (local.get $packet) (i32.load offset={frame.row} (local.get $frame)))
  (i32.store offset={frame.packet} (local.get $frame) (local.get $packet))
  (i32.store offset={frame.cursor} (local.get $frame) (local.get $end))
  (i32.store offset={frame.index} (local.get $frame) (i32.const 0))
  (i32.store offset={frame.left} (local.get $frame) (i32.const -1))
  (i32.store offset={frame.row} (local.get $frame)
    (i32.add (i32.load offset={frame.row} (local.get $frame)) (i32.const 1)))
  (i32.const 1))

;; An array packet from [count] row row ...; its elements' origin is their index. Packet (0 without memory) and end.
(func $array_of_rows (param $frame i32) (result i32 i32)
  (local $source i32) (local $array i32) (local $element i32) (local $at i32) (local $count i32) (local $index i32)
  (local.set $source (i32.load offset={frame.source} (local.get $frame)))
  (local.set $at (i32.load offset={frame.cursor} (local.get $frame)))
  (local.set $count (i32.load (local.get $at)))
  (local.set $at (i32.add (local.get $at) (i32.const 4)))
  (if (i32.eqz (local.tee $array (call $array_new (local.get $source))))
    (then (return (i32.const 0) (local.get $at))))
  (block $done
    (loop $next
      (br_if $done (i32.ge_u (local.get $index) (local.get $count)))
      (local.set $at
        (call $element_of_row (local.get $source) (i32.const {kind.data}) (local.get $at)
          (i32.load offset={frame.wire} (local.get $frame))))
      (local.set $element)
      (if (i32.eqz (local.get $element))
        (then
          (call $object_release (local.get $array))
          (return (i32.const 0) (local.get $at))))
      (i32.store offset={object.batch} (local.get $element) (i32.load offset={frame.batch} (local.get $frame)))
      (i32.store offset={object.origin} (local.get $element) (local.get $index))
      (if (i32.eqz (call $array_push (local.get $array) (local.get $element)))
        (then
          (call $object_release (local.get $element))
          (call $object_release (local.get $array))
          (return (i32.const 0) (local.get $at))))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br $next)))
  (local.get $array) (local.get $at))
