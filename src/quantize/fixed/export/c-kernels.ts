/** The steps of fixed point in C99. `P_` stands for the prefix of the names. */

const BASE = `
/* Where a step puts its results: codes of 8 bits, or whole sums where the model reads those. */
typedef struct { int8_t *codes; int64_t *sums; } P_out;

/* How a sum becomes a code: shift (shifts by channel where there are any), round half to even, clamp. */
typedef struct { int shift; const int8_t *shifts; int64_t low, high; } P_requantize;

/* A window over three spatial axes; models with fewer have axes of 1. */
typedef struct {
  int images, channels, outputs, group;
  int input[3], kernel[3], output[3], stride[3], dilation[3], begin[3];
} P_window;

/* v / divisor, rounded half to even. */
static inline int64_t P_divide(int64_t v, int64_t divisor) {
  int64_t q = v / divisor, r = v % divisor;
  if (r < 0) { q -= 1; r += divisor; }
  if (r > divisor - r || (r == divisor - r && q % 2 != 0)) q += 1;
  return q;
}

/* v * 2^-shift, rounded half to even; left shifts saturate. */
static inline int64_t P_shift(int64_t v, int shift) {
  if (shift > 61) return 0;
  if (shift > 0) return P_divide(v, (int64_t)1 << shift);
  if (shift < -61) shift = -61;
  if (v > (INT64_MAX >> -shift)) return INT64_MAX;
  if (v < -(INT64_MAX >> -shift)) return -INT64_MAX;
  return v * ((int64_t)1 << -shift);
}

static inline int64_t P_clamp(int64_t v, int64_t low, int64_t high) {
  return v < low ? low : v > high ? high : v;
}

static inline void P_put(P_out y, size_t at, int64_t sum, const P_requantize *to, int channel) {
  if (to) sum = P_clamp(P_shift(sum, to->shifts ? to->shifts[channel] : to->shift), to->low, to->high);
  if (y.codes) y.codes[at] = (int8_t)sum; else y.sums[at] = sum;
}
`;

/** The places of a window that lie inside the input, and nothing for the others. */
const TAPS = `
    for (kd = 0; kd < w->kernel[0]; kd++)
      for (kh = 0; kh < w->kernel[1]; kh++)
        for (kw = 0; kw < w->kernel[2]; kw++) {
          int d = od * w->stride[0] - w->begin[0] + kd * w->dilation[0];
          int h = oh * w->stride[1] - w->begin[1] + kh * w->dilation[1];
          int x_ = ow * w->stride[2] - w->begin[2] + kw * w->dilation[2];
          size_t place = ((size_t)d * w->input[1] + h) * w->input[2] + x_;
          if (d < 0 || h < 0 || x_ < 0 || d >= w->input[0] || h >= w->input[1] || x_ >= w->input[2]) continue;`;

const PLACES = `
  size_t size = (size_t)w->input[0] * w->input[1] * w->input[2], at = 0;
  int n, c, od, oh, ow, kd, kh, kw;
  for (n = 0; n < w->images; n++)
   for (c = 0; c < w->outputs; c++)
    for (od = 0; od < w->output[0]; od++)
     for (oh = 0; oh < w->output[1]; oh++)
      for (ow = 0; ow < w->output[2]; ow++, at++) {`;

const KERNELS: Readonly<Record<string, string>> = {
  conv: `
/* Weights: output channel, kernel position, input channel of the group. Padding is code 0. */
static inline void P_conv(const int8_t *x, P_out y, const P_window *w, const int8_t *weights, const int32_t *bias, const P_requantize *to) {
  int inputs = w->channels / w->group, per_group = w->outputs / w->group;
  int taps = w->kernel[0] * w->kernel[1] * w->kernel[2], i;${PLACES}
    int64_t sum = bias ? bias[c] : 0;
    const int8_t *image = x + ((size_t)n * w->channels + (size_t)(c / per_group) * inputs) * size;
    const int8_t *row = weights + (size_t)c * taps * inputs;${TAPS}
          {
            const int8_t *tap = row + (size_t)((kd * w->kernel[1] + kh) * w->kernel[2] + kw) * inputs;
            for (i = 0; i < inputs; i++) sum += (int64_t)image[i * size + place] * tap[i];
          }
        }
    P_put(y, at, sum, to, c);
  }
}
`,
  matrix: `
/* Weights: column, depth. */
static inline void P_matrix(const int8_t *x, P_out y, int rows, int depth, int columns, const int8_t *weights, const int32_t *bias, const P_requantize *to) {
  int r, c, k;
  for (r = 0; r < rows; r++)
    for (c = 0; c < columns; c++) {
      int64_t sum = bias ? bias[c] : 0;
      for (k = 0; k < depth; k++) sum += (int64_t)x[(size_t)r * depth + k] * weights[(size_t)c * depth + k];
      P_put(y, (size_t)r * columns + c, sum, to, c);
    }
}
`,
  pair: `
/* op: + - or *. Strides of 0 repeat an operand along an axis; aligned by left shifts before the sum. */
static inline void P_pair(char op, const int8_t *a, const int8_t *b, P_out y, int rank, const int *dims, const int *sa, const int *sb, int left_a, int left_b, const P_requantize *to) {
  size_t size = 1, i;
  int axis;
  for (axis = 0; axis < rank; axis++) size *= (size_t)dims[axis];
  for (i = 0; i < size; i++) {
    size_t rest = i, at = 0, bt = 0;
    int64_t u, v;
    for (axis = rank - 1; axis >= 0; axis--) {
      size_t place = rest % (size_t)dims[axis];
      rest /= (size_t)dims[axis];
      at += place * (size_t)sa[axis];
      bt += place * (size_t)sb[axis];
    }
    u = P_shift(a[at], -left_a);
    v = P_shift(b[bt], -left_b);
    P_put(y, i, op == '+' ? u + v : op == '-' ? u - v : u * v, to, 0);
  }
}
`,
  'average-pool': `
/* Sums of windows, shifted left by scale, divided. Padding counts as code 0. */
static inline void P_average_pool(const int8_t *x, P_out y, const P_window *w, int64_t divisor, int scale, const P_requantize *to) {${PLACES}
    int64_t sum = 0;
    const int8_t *image = x + ((size_t)n * w->channels + c) * size;${TAPS}
          sum += image[place];
        }
    y.codes[at] = (int8_t)P_clamp(P_divide(P_shift(sum, -scale), divisor), to->low, to->high);
  }
}
`,
  'max-pool': `
static inline void P_max_pool(const int8_t *x, P_out y, const P_window *w, const P_requantize *to) {${PLACES}
    int64_t top = INT8_MIN;
    const int8_t *image = x + ((size_t)n * w->channels + c) * size;${TAPS}
          if (image[place] > top) top = image[place];
        }
    P_put(y, at, top, to, 0);
  }
}
`,
  concat: `
/* Puts one input at its place along the axis: run values of every stride. */
static inline void P_concat(const int8_t *x, P_out y, int outer, int run, int stride, int start, int shift, const P_requantize *to) {
  int o, k;
  for (o = 0; o < outer; o++)
    for (k = 0; k < run; k++)
      y.codes[(size_t)o * stride + start + k] = (int8_t)P_clamp(P_shift(x[(size_t)o * run + k], shift), to->low, to->high);
}
`,
  table: `
/* Entry 0 is for code -128. */
static inline void P_table(const int8_t *x, P_out y, size_t size, const int8_t *table, const P_requantize *to) {
  size_t i;
  for (i = 0; i < size; i++) y.codes[i] = (int8_t)P_clamp(table[x[i] + 128], to->low, to->high);
}
`,
  move: `
/* Result i is value source[i], or 0 where that is -1. */
static inline void P_move(const int8_t *x, P_out y, size_t size, const int32_t *source, const P_requantize *to) {
  size_t i;
  for (i = 0; i < size; i++) P_put(y, i, source[i] < 0 ? 0 : x[source[i]], to, 0);
}
`,
  each: `
/* The same codes, in another format or between two bounds. */
static inline void P_each(const int8_t *x, P_out y, size_t size, const P_requantize *to) {
  size_t i;
  for (i = 0; i < size; i++) P_put(y, i, x[i], to, 0);
}
`,
};

/** Which kernel carries out a step. */
export function kernelOf(op: string): string {
  if (op === 'add' || op === 'subtract' || op === 'multiply') return 'pair';
  return op === 'view' || op === 'requantize' ? 'each' : op;
}

/** The C text of the kernels that the steps need, in a fixed order. */
export function kernelText(ops: Iterable<string>): string {
  const needed = new Set([...ops].map(kernelOf));
  return [
    BASE,
    ...Object.entries(KERNELS).flatMap(([k, text]) => (needed.has(k) ? [text] : [])),
  ].join('');
}
