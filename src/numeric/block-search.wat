;; The cost of many scales for one block of weights, four values at a time. scripts/wasm.mjs assembles this into
;; block-search-wasm.ts; block-search.ts says where values, scales and zero points lie.
(module
  (memory (export "memory") 1)

  (func $sum (param $v v128) (result f32)
    (f32.add
      (f32.add (f32x4.extract_lane 0 (local.get $v)) (f32x4.extract_lane 1 (local.get $v)))
      (f32.add (f32x4.extract_lane 2 (local.get $v)) (f32x4.extract_lane 3 (local.get $v)))))

  ;; The index of the pair of scale and zero point that costs least over the values x from byte 0 to `end`, a multiple of
  ;; 16: sum of d*d + 8 * (sum of d*x)^2 / sum of x*x, where d is the error of x. The first of equal ones.
  (func (export "best")
    (param $end i32) (param $scales i32) (param $zeros i32) (param $count i32) (param $top f32)
    (result i32)
    (local $i i32) (local $j i32) (local $best i32)
    (local $x v128) (local $d v128) (local $scale v128) (local $inverse v128)
    (local $low v128) (local $high v128) (local $squares v128) (local $along v128)
    (local $power f32) (local $cost f32) (local $least f32) (local $s f32)
    (local.set $least (f32.const inf))
    (loop $value
      (local.set $x (v128.load (local.get $i)))
      (local.set $squares
        (f32x4.add (local.get $squares) (f32x4.mul (local.get $x) (local.get $x))))
      (local.set $i (i32.add (local.get $i) (i32.const 16)))
      (br_if $value (i32.lt_u (local.get $i) (local.get $end))))
    (local.set $power (call $sum (local.get $squares)))
    (block $done
      (loop $candidate
        (br_if $done (i32.ge_u (local.get $j) (local.get $count)))
        (local.set $s
          (f32.load (i32.add (local.get $scales) (i32.shl (local.get $j) (i32.const 2)))))
        (local.set $scale (f32x4.splat (local.get $s)))
        (local.set $inverse (f32x4.splat (f32.div (f32.const 1) (local.get $s))))
        (local.set $s
          (f32.load (i32.add (local.get $zeros) (i32.shl (local.get $j) (i32.const 2)))))
        (local.set $low (f32x4.splat (f32.neg (local.get $s))))
        (local.set $high (f32x4.splat (f32.sub (local.get $top) (local.get $s))))
        (local.set $squares (v128.const f32x4 0 0 0 0))
        (local.set $along (v128.const f32x4 0 0 0 0))
        (local.set $i (i32.const 0))
        (loop $value
          (local.set $x (v128.load (local.get $i)))
          (local.set $d
            (f32x4.sub
              (local.get $x)
              (f32x4.mul
                (local.get $scale)
                (f32x4.pmin
                  (local.get $high)
                  (f32x4.pmax
                    (local.get $low)
                    (f32x4.nearest (f32x4.mul (local.get $x) (local.get $inverse))))))))
          (local.set $squares
            (f32x4.add (local.get $squares) (f32x4.mul (local.get $d) (local.get $d))))
          (local.set $along
            (f32x4.add (local.get $along) (f32x4.mul (local.get $d) (local.get $x))))
          (local.set $i (i32.add (local.get $i) (i32.const 16)))
          (br_if $value (i32.lt_u (local.get $i) (local.get $end))))
        (local.set $cost (call $sum (local.get $squares)))
        (local.set $s (call $sum (local.get $along)))
        (if (f32.gt (local.get $power) (f32.const 0))
          (then
            (local.set $cost
              (f32.add
                (local.get $cost)
                (f32.div
                  (f32.mul (f32.const 8) (f32.mul (local.get $s) (local.get $s)))
                  (local.get $power))))))
        (if (f32.lt (local.get $cost) (local.get $least))
          (then
            (local.set $least (local.get $cost))
            (local.set $best (local.get $j))))
        (local.set $j (i32.add (local.get $j) (i32.const 1)))
        (br $candidate)))
    (local.get $best)))
