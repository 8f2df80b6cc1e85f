;; What calibration computes of every value, four at a time. scripts/wasm.mjs assembles this into statistics-wasm.ts.
(module
  (memory (export "memory") 1)

  ;; Goes over `rows` rows of `inner` float32 values from byte `at` on.
  ;; * Row r belongs to channel (channel + r) mod channels: `extremes` holds a minimum for each, then a maximum for each,
  ;;   as float32, and they are widened. NaNs are passed over, infinities count.
  ;; * Every value is counted in the uint32 bin of its own leading 14 bits. The lanes of a vector count in
  ;;   histograms that lie `stride` bytes apart from `bins` on, so that equal neighbours need not wait for each other.
  ;; * Σ(x − origin) and Σ(x − origin)² are added to the two doubles at `sums`.
  (func (export "scan")
    (param $at i32) (param $rows i32) (param $inner i32)
    (param $channel i32) (param $channels i32) (param $extremes i32)
    (param $bins i32) (param $stride i32) (param $origin f64) (param $sums i32)
    (local $x v128) (local $low v128) (local $high v128) (local $d v128) (local $shift v128)
    (local $sum v128) (local $squares v128) (local $vectors i32) (local $end i32) (local $bin i32)
    (local $bins1 i32) (local $bins2 i32) (local $bins3 i32)
    (local.set $shift (f64x2.splat (local.get $origin)))
    (local.set $bins1 (i32.add (local.get $bins) (local.get $stride)))
    (local.set $bins2 (i32.add (local.get $bins1) (local.get $stride)))
    (local.set $bins3 (i32.add (local.get $bins2) (local.get $stride)))
    (block $done
      (loop $row
        (br_if $done (i32.eqz (local.get $rows)))
        (local.set $end (i32.shl (i32.add (local.get $channel) (local.get $channels)) (i32.const 2)))
        (local.set $low (v128.load32_splat
          (i32.add (local.get $extremes) (i32.shl (local.get $channel) (i32.const 2)))))
        (local.set $high (v128.load32_splat (i32.add (local.get $extremes) (local.get $end))))
        (local.set $vectors (i32.add (local.get $at)
          (i32.shl (i32.and (local.get $inner) (i32.const -4)) (i32.const 2))))
        (block $rest
          (loop $vector
            (br_if $rest (i32.ge_u (local.get $at) (local.get $vectors)))
            (local.set $x (v128.load (local.get $at)))
            (local.set $low (f32x4.pmin (local.get $low) (local.get $x)))
            (local.set $high (f32x4.pmax (local.get $high) (local.get $x)))
            (local.set $d (f64x2.sub (f64x2.promote_low_f32x4 (local.get $x)) (local.get $shift)))
            (local.set $sum (f64x2.add (local.get $sum) (local.get $d)))
            (local.set $squares
              (f64x2.add (local.get $squares) (f64x2.mul (local.get $d) (local.get $d))))
            (local.set $d (f64x2.sub
              (f64x2.promote_low_f32x4 (i8x16.shuffle 8 9 10 11 12 13 14 15 8 9 10 11 12 13 14 15
                (local.get $x) (local.get $x)))
              (local.get $shift)))
            (local.set $sum (f64x2.add (local.get $sum) (local.get $d)))
            (local.set $squares
              (f64x2.add (local.get $squares) (f64x2.mul (local.get $d) (local.get $d))))
            ;; bits >>> 18 is the bin, four bytes each
            (local.set $x (v128.and
              (i32x4.shr_u (local.get $x) (i32.const 16)) (i32x4.splat (i32.const 0xfffc))))
            (local.set $bin (i32.add (local.get $bins) (i32x4.extract_lane 0 (local.get $x))))
            (i32.store (local.get $bin) (i32.add (i32.load (local.get $bin)) (i32.const 1)))
            (local.set $bin (i32.add (local.get $bins1) (i32x4.extract_lane 1 (local.get $x))))
            (i32.store (local.get $bin) (i32.add (i32.load (local.get $bin)) (i32.const 1)))
            (local.set $bin (i32.add (local.get $bins2) (i32x4.extract_lane 2 (local.get $x))))
            (i32.store (local.get $bin) (i32.add (i32.load (local.get $bin)) (i32.const 1)))
            (local.set $bin (i32.add (local.get $bins3) (i32x4.extract_lane 3 (local.get $x))))
            (i32.store (local.get $bin) (i32.add (i32.load (local.get $bin)) (i32.const 1)))
            (local.set $at (i32.add (local.get $at) (i32.const 16)))
            (br $vector)))
        ;; up to three values beyond the last vector
        (local.set $vectors (i32.add (local.get $at)
          (i32.shl (i32.and (local.get $inner) (i32.const 3)) (i32.const 2))))
        (block $whole
          (loop $single
            (br_if $whole (i32.ge_u (local.get $at) (local.get $vectors)))
            (local.set $x (v128.load32_splat (local.get $at)))
            (local.set $low (f32x4.pmin (local.get $low) (local.get $x)))
            (local.set $high (f32x4.pmax (local.get $high) (local.get $x)))
            (local.set $d (f64x2.replace_lane 1
              (f64x2.sub (f64x2.promote_low_f32x4 (local.get $x)) (local.get $shift))
              (f64.const 0)))
            (local.set $sum (f64x2.add (local.get $sum) (local.get $d)))
            (local.set $squares
              (f64x2.add (local.get $squares) (f64x2.mul (local.get $d) (local.get $d))))
            (local.set $bin (i32.add (local.get $bins)
              (i32.shl (i32.shr_u (i32.load (local.get $at)) (i32.const 18)) (i32.const 2))))
            (i32.store (local.get $bin) (i32.add (i32.load (local.get $bin)) (i32.const 1)))
            (local.set $at (i32.add (local.get $at) (i32.const 4)))
            (br $single)))
        (local.set $low (f32x4.pmin (local.get $low)
          (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $low) (local.get $low))))
        (local.set $low (f32x4.pmin (local.get $low)
          (i8x16.shuffle 4 5 6 7 0 1 2 3 0 1 2 3 0 1 2 3 (local.get $low) (local.get $low))))
        (local.set $high (f32x4.pmax (local.get $high)
          (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $high) (local.get $high))))
        (local.set $high (f32x4.pmax (local.get $high)
          (i8x16.shuffle 4 5 6 7 0 1 2 3 0 1 2 3 0 1 2 3 (local.get $high) (local.get $high))))
        (v128.store32_lane 0
          (i32.add (local.get $extremes) (i32.shl (local.get $channel) (i32.const 2)))
          (local.get $low))
        (v128.store32_lane 0 (i32.add (local.get $extremes) (local.get $end)) (local.get $high))
        (local.set $channel (i32.add (local.get $channel) (i32.const 1)))
        (if (i32.eq (local.get $channel) (local.get $channels))
          (then (local.set $channel (i32.const 0))))
        (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
        (br $row)))
    (f64.store (local.get $sums) (f64.add (f64.load (local.get $sums))
      (f64.add (f64x2.extract_lane 0 (local.get $sum)) (f64x2.extract_lane 1 (local.get $sum)))))
    (f64.store offset=8 (local.get $sums) (f64.add (f64.load offset=8 (local.get $sums))
      (f64.add (f64x2.extract_lane 0 (local.get $squares))
        (f64x2.extract_lane 1 (local.get $squares))))))

  ;; Widens the extremes of channels that lie side by side: `rows` rows of `channels` float32 values from `at` on, with
  ;; `extremes` as in scan.
  (func (export "columns")
    (param $at i32) (param $rows i32) (param $channels i32) (param $extremes i32)
    (local $low i32) (local $high i32) (local $size i32) (local $end i32) (local $x v128)
    (local.set $size (i32.shl (local.get $channels) (i32.const 2)))
    (block $done
      (loop $row
        (br_if $done (i32.eqz (local.get $rows)))
        (local.set $low (local.get $extremes))
        (local.set $high (i32.add (local.get $low) (local.get $size)))
        (local.set $end (i32.add (local.get $at)
          (i32.shl (i32.and (local.get $channels) (i32.const -4)) (i32.const 2))))
        (block $rest
          (loop $vector
            (br_if $rest (i32.ge_u (local.get $at) (local.get $end)))
            (local.set $x (v128.load (local.get $at)))
            (v128.store (local.get $low) (f32x4.pmin (v128.load (local.get $low)) (local.get $x)))
            (v128.store (local.get $high) (f32x4.pmax (v128.load (local.get $high)) (local.get $x)))
            (local.set $at (i32.add (local.get $at) (i32.const 16)))
            (local.set $low (i32.add (local.get $low) (i32.const 16)))
            (local.set $high (i32.add (local.get $high) (i32.const 16)))
            (br $vector)))
        (local.set $end (i32.add (local.get $at)
          (i32.shl (i32.and (local.get $channels) (i32.const 3)) (i32.const 2))))
        (block $whole
          (loop $single
            (br_if $whole (i32.ge_u (local.get $at) (local.get $end)))
            (local.set $x (v128.load32_splat (local.get $at)))
            (v128.store32_lane 0 (local.get $low)
              (f32x4.pmin (v128.load32_splat (local.get $low)) (local.get $x)))
            (v128.store32_lane 0 (local.get $high)
              (f32x4.pmax (v128.load32_splat (local.get $high)) (local.get $x)))
            (local.set $at (i32.add (local.get $at) (i32.const 4)))
            (local.set $low (i32.add (local.get $low) (i32.const 4)))
            (local.set $high (i32.add (local.get $high) (i32.const 4)))
            (br $single)))
        (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
        (br $row)))))
