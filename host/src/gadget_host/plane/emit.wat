;; Delivery of a packet along the subscriptions of a source.
;;
;; What a delivery has got to stands in a frame, not in locals: when a guest's callback traps, the whole stack of wasm
;; calls is gone, and Python resumes the frame behind the culprit. So the cursor moves on *before* a subscriber is
;; called. Frames are a stack of at most 16: a callback may emit, and be called for what it emitted.
;;
;;   frame:  [source][packet][chain][index: next subscription][item: next element][left: elements, -1 not begun]
;;           [handle][object: of the running callback][guest depth before][nested]
;;           [rows][rows left][row][wire][batch]                                     see batch.wat
;;           [started: what control.started was outside its callbacks]               for the quirk stop-ends-callbacks

(func $frame_at (@inline) (param $depth i32) (result i32)
  (i32.add (i32.const {frames.BASE}) (i32.shl (local.get $depth) (i32.const {frame.SHIFT}))))

;; A frame on top, 0 when there are 16. It takes over the caller's reference to the packet.
(func $frame_push (param $source i32) (param $packet i32) (param $nested i32) (result i32)
  (local $frame i32) (local $depth i32) (local $chain i32)
  (local.set $depth (i32.load (i32.const {control.depth})))
  (if (i32.ge_u (local.get $depth) (i32.const {frames.LIMIT}))
    (then (return (i32.const 0))))
  (local.set $chain (call $chain_of (local.get $source)))
  (local.set $frame (call $frame_at (local.get $depth)))
  (i32.store offset={frame.source} (local.get $frame) (local.get $source))
  (i32.store offset={frame.packet} (local.get $frame) (local.get $packet))
  (i32.store offset={frame.chain} (local.get $frame) (local.get $chain))
  (i32.store offset={frame.index} (local.get $frame) (i32.const 0))
  (i32.store offset={frame.left} (local.get $frame) (i32.const -1))
  (i32.store offset={frame.handle} (local.get $frame) (i32.const 0))
  (i32.store offset={frame.guest_depth} (local.get $frame) (i32.load (i32.const {control.guest_depth})))
  (i32.store offset={frame.nested} (local.get $frame) (local.get $nested))
  (i32.store offset={frame.batch} (local.get $frame) (i32.const 0))
  (@if {quirk.stop-ends-callbacks} (then
    (i32.store offset={frame.started} (local.get $frame) (i32.load (i32.const {control.started})))))
  (i32.store (i32.const {control.depth}) (i32.add (local.get $depth) (i32.const 1)))
  (local.get $frame))

;; Drops the top frame and what it holds.
(func $frame_pop
  (local $frame i32) (local $depth i32) (local $packet i32)
  (local.set $depth (i32.sub (i32.load (i32.const {control.depth})) (i32.const 1)))
  (i32.store (i32.const {control.depth}) (local.get $depth))
  (local.set $frame (i32.add (i32.const {frames.BASE}) (i32.shl (local.get $depth) (i32.const {frame.SHIFT}))))
  (i32.store (i32.const {control.guest_depth}) (i32.load offset={frame.guest_depth} (local.get $frame)))
  (call $frame_end_callback (local.get $frame))
  (local.set $packet (i32.load offset={frame.packet} (local.get $frame)))
  (i32.store offset={frame.packet} (local.get $frame) (i32.const 0))
  (if (local.get $packet)
    (then (call $object_release (local.get $packet))))
  (call $chain_release (i32.load offset={frame.chain} (local.get $frame))))

;; Drops the handle of the callback that ran, or was running when it trapped.
(func $frame_end_callback (@inline) (param $frame i32)
  (local $handle i32)
  (if (local.tee $handle (i32.load offset={frame.handle} (local.get $frame)))
    (then
      (i32.store offset={frame.handle} (local.get $frame) (i32.const 0))
      (call $handle_end (local.get $handle) (i32.load offset={frame.object} (local.get $frame))))))

;; Drops the frames that an unwinding left behind.
(func $unwind (export "unwind") (param $depth i32)
  (loop $next
    (if (i32.gt_u (i32.load (i32.const {control.depth})) (local.get $depth))
      (then
        (call $frame_pop)
        (br $next)))))

;; The same where there mostly are none.
(func $unwind_to (@inline) (param $depth i32)
  (if (i32.ne (i32.load (i32.const {control.depth})) (local.get $depth))
    (then (call $unwind (local.get $depth)))))

;; A guest's emit, taking over the reference to the packet: its subscribers see it before this returns.
(func $emit (param $source i32) (param $packet i32) (result i32)
  (local $frame i32) (local $status i32)
  (local.set $frame (call $frame_push (local.get $source) (local.get $packet) (i32.const 1)))
  (if (i32.eqz (local.get $frame))
    (then
      (call $object_release (local.get $packet))
      (call $warn (i32.const {fn.dataSourceEmitAndRelease}) (i32.const {why.too_deep}) (i32.const {frames.LIMIT}))
      (return (i32.const {error.dataSourceEmitAndRelease}))))
  (local.set $status (call $deliver (local.get $frame)))
  (call $frame_pop)
  (select (i32.const {error.dataSourceEmitAndRelease}) (i32.const 0)
    (i32.eq (local.get $status) (i32.const {status.error}))))

;; Goes on from where the frame's cursor is; {status.go} at the end of the chain, {status.discard}, {status.error}.
(func $deliver (@inline) (param $frame i32) (result i32)
  (local $chain i32) (local $index i32) (local $status i32) (local $subscription i32)
  (if (i32.eqz (local.tee $chain (i32.load offset={frame.chain} (local.get $frame))))
    (then (return (i32.const {status.go}))))
  (local.set $index (i32.load offset={frame.index} (local.get $frame)))
  (if (i32.ge_u (local.get $index) (i32.load offset={chain.count} (local.get $chain)))
    (then (return (i32.const {status.go}))))
  (loop $next
    (local.set $subscription (call $chain_entry (local.get $chain) (local.get $index)))
    (local.set $status
      (if (result i32) (call $is_for_elements (local.get $frame) (local.get $subscription))
        (then (call $deliver_elements (local.get $frame) (local.get $subscription)))
        (else
          (i32.store offset={frame.index} (local.get $frame) (i32.add (local.get $index) (i32.const 1)))
          (call $deliver_packet (local.get $frame) (local.get $subscription)))))
    (if (i32.ne (local.get $status) (i32.const {status.go})) (then (return (local.get $status))))
    (local.set $index (i32.load offset={frame.index} (local.get $frame)))
    (br_if $next (i32.lt_u (local.get $index) (i32.load offset={chain.count} (local.get $chain)))))
  (i32.const {status.go}))

;; Data subscribers of an array source are called for each element.
(func $is_for_elements (@inline) (param $frame i32) (param $subscription i32) (result i32)
  (i32.and
    (i32.eq (i32.load offset={subscription.kind} (local.get $subscription)) (i32.const {SubscriptionType.Data}))
    (call $source_is_array (i32.load offset={frame.source} (local.get $frame)))))

;; Each element that is there at the start, once; those answered with discard leave the array.
(func $deliver_elements (param $frame i32) (param $subscription i32) (result i32)
  (local $packet i32) (local $item i32) (local $left i32) (local $status i32)
  (local.set $packet (i32.load offset={frame.packet} (local.get $frame)))
  (if (i32.ne (i32.load offset={object.type} (local.get $packet)) (i32.const {kind.array}))
    (then (return (call $mismatch))))
  (if (i32.eq (i32.load offset={frame.left} (local.get $frame)) (i32.const -1))
    (then
      (i32.store offset={frame.item} (local.get $frame) (i32.const 0))
      (i32.store offset={frame.left} (local.get $frame) (i32.load offset={object.count} (local.get $packet)))))
  (loop $next
    (local.set $left (i32.load offset={frame.left} (local.get $frame)))
    (local.set $item (i32.load offset={frame.item} (local.get $frame)))
    (if (i32.or (i32.eqz (local.get $left))
          (i32.ge_u (local.get $item) (i32.load offset={object.count} (local.get $packet))))
      (then
        (i32.store offset={frame.index} (local.get $frame)
          (i32.add (i32.load offset={frame.index} (local.get $frame)) (i32.const 1)))
        (i32.store offset={frame.left} (local.get $frame) (i32.const -1))
        (return (i32.const {status.go}))))
    (i32.store offset={frame.left} (local.get $frame) (i32.sub (local.get $left) (i32.const 1)))
    (i32.store offset={frame.item} (local.get $frame) (i32.add (local.get $item) (i32.const 1)))
    (local.set $status
      (call $deliver_to (local.get $frame) (local.get $subscription)
        (i32.load (call $array_item (local.get $packet) (local.get $item)))))
    (if (i32.eq (local.get $status) (i32.const {status.discard}))
      (then
        (i32.store offset={frame.item} (local.get $frame) (local.get $item))
        (call $array_remove (local.get $packet) (local.get $item))
        (br $next)))
    (br_if $next (i32.eq (local.get $status) (i32.const {status.go}))))
  (local.get $status))

;; The packet as a whole. Data and Array subscribers can only be handed what they asked for.
(func $deliver_packet (@inline) (param $frame i32) (param $subscription i32) (result i32)
  (local $packet i32) (local $kind i32) (local $is_array i32)
  (local.set $packet (i32.load offset={frame.packet} (local.get $frame)))
  (local.set $kind (i32.load offset={subscription.kind} (local.get $subscription)))
  (local.set $is_array (i32.eq (i32.load offset={object.type} (local.get $packet)) (i32.const {kind.array})))
  (if (i32.eq (local.get $kind) (select
        (i32.const {SubscriptionType.Data}) (i32.const {SubscriptionType.Array}) (local.get $is_array)))
    (then (return (call $mismatch))))
  (call $deliver_to (local.get $frame) (local.get $subscription) (local.get $packet)))

(func $mismatch (result i32)
  (call $complain (i32.const {fn.dataSourceEmitAndRelease}) (i32.const {why.mismatch}) (i32.const 0))
  (i32.const {status.error}))

(func $deliver_to (@inline) (param $frame i32) (param $subscription i32) (param $object i32) (result i32)
  (local $target i32)
  (local.set $target (i32.load offset={subscription.target} (local.get $subscription)))
  (if (i32.eq (local.get $target) (i32.const {target.guest}))
    (then
      (return (call $deliver_guest (local.get $frame) (local.get $subscription) (local.get $object)))))
  (if (i32.eq (local.get $target) (i32.const {target.collector}))
    (then
      (call $collect (i32.wrap_i64 (i64.load offset={subscription.callback} (local.get $subscription)))
        (local.get $frame) (local.get $object))
      (return (i32.const {status.go}))))
  (call $deliver_python (local.get $subscription) (local.get $object)))

(func $deliver_python (param $subscription i32) (param $object i32) (result i32)
  (local $frames i32) (local $status i32)
  (local.set $frames (i32.load (i32.const {control.depth})))
  (local.set $status
    (call $call_python (i64.load offset={subscription.callback} (local.get $subscription)) (local.get $object)
      (if (result i32) (i32.eq (i32.load offset={object.type} (local.get $object)) (i32.const {kind.array}))
        (then (i32.const 0))
        (else (call $record_of (local.get $object))))))
  (call $unwind_to (local.get $frames)) ;; what a failed run in the subscriber left
  (local.get $status))

;; A guest cannot answer: whatever its callback does, delivery goes on, unless, in older releases, it traps. Inside
;; another guest call the callback is called through Python, where its trap ends; else directly, and its trap ends this
;; run, to be resumed.
(func $deliver_guest (@inline) (param $frame i32) (param $subscription i32) (param $object i32) (result i32)
  (local $handle i32) (local $depth i32) (local $frames i32)
  (@if {change.callback-error-dropped} (then) (else (local $status i32)))
  (local.set $frames (i32.load (i32.const {control.depth})))
  (local.set $handle
    (call $handle_new (i32.load offset={object.type} (local.get $object)) (call $object_retain (local.get $object))))
  (if (i32.eqz (local.get $handle))
    (then
      (call $object_release (local.get $object))
      (@if {quirk.event-after-stop} (then
        (if (i32.eq (i32.load (i32.const {control.stopped})) (i32.const {stopped.over}))
          (then (call $end (i32.const {fn.dataSourceCallback}) (i32.const {why.over}))))))
      (call $warn (i32.const {fn.dataSourceCallback}) (i32.const {why.table_full}) (i32.const 0))
      (@if {quirk.table-full} (then) (else (return (i32.const {status.go}))))))
  (i32.store offset={frame.object} (local.get $frame) (local.get $object))
  (i32.store offset={frame.handle} (local.get $frame) (local.get $handle))
  (local.set $depth (i32.load (i32.const {control.guest_depth})))
  (@if {quirk.emit-deadlock} (then
    (if (local.get $depth)
      (then (call $end (i32.const {fn.dataSourceEmitAndRelease}) (i32.const {why.deadlock}))))))
  (@if {quirk.stop-ends-callbacks} (then
    (if (i32.and
          (i32.eq (i32.load (i32.const {control.stopped})) (i32.const {stopped.stopping}))
          (i32.load offset={subscription.started} (local.get $subscription)))
      (then (call $end (i32.const {fn.dataSourceCallback}) (i32.const {why.cancelled}))))
    ;; what a callback subscribes lives as long as the callback's own subscription
    (i32.store (i32.const {control.started}) (i32.load offset={subscription.started} (local.get $subscription)))))
  (i32.store (i32.const {control.guest_depth}) (i32.add (local.get $depth) (i32.const 1)))
  (i64.store (i32.const {control.guest_calls})
    (i64.add (i64.load (i32.const {control.guest_calls})) (i64.const 1)))
  (if (i32.eqz (local.get $depth)) (then (call $turn)))
  (if (i32.load offset={frame.nested} (local.get $frame))
    (then
      (@if {change.callback-error-dropped}
        (then (drop (call $call_nested (local.get $subscription) (local.get $handle))))
        (else (local.set $status (call $call_nested (local.get $subscription) (local.get $handle))))))
    (else
      (call $callback (i64.load offset={subscription.callback} (local.get $subscription))
        (call $callback_source (local.get $subscription)) (local.get $handle))))
  (call $unwind_to (local.get $frames)) ;; what a trapped nested callback left
  (i32.store (i32.const {control.guest_depth}) (local.get $depth))
  (@if {quirk.stop-ends-callbacks} (then (call $end_subscribing (local.get $frame))))
  (call $frame_end_callback (local.get $frame))
  (@if {change.callback-error-dropped} (then (i32.const {status.go})) (else (local.get $status))))

;; From here on, what is subscribed is no callback's any more.
(@if {quirk.stop-ends-callbacks} (then
  (func $end_subscribing (@inline) (param $frame i32)
    (i32.store (i32.const {control.started}) (i32.load offset={frame.started} (local.get $frame))))))

(func $call_nested (@inline) (param $subscription i32) (param $handle i32) (result i32)
  (call $call_guest (i64.load offset={subscription.callback} (local.get $subscription))
    (call $callback_source (local.get $subscription)) (local.get $handle)))

;; The source a callback is told. Upstream passes what lies in a stale slot of a stack, mostly 0.
(func $callback_source (@inline) (param $subscription i32) (result i32)
  (@if {quirk.callback-source}
    (then (i32.const 0))
    (else (i32.load offset={subscription.handle} (local.get $subscription)))))

;; Tells the watchdog that something new has begun.
(func $turn (@inline)
  (i64.store (i32.const {control.turns}) (i64.add (i64.load (i32.const {control.turns})) (i64.const 1))))
