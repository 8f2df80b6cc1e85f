import type { Note } from '../results';
import type { DiffWords } from './diff-words';

/** What the analysis says of two nodes, and the same in 简体中文. */
const CHANGES: readonly (readonly [RegExp, string])[] = [
  [/^now (.+)$/, '现为 $1'],
  [/^(.+) is gone$/, '$1 已去掉'],
  [/^(.+) is a constant now$/, '$1 现为常量'],
  [/^(.+) instead of a constant$/, '由常量改为 $1'],
  [/^reads (.+) instead of (.+)$/, '读取 $1，而不是 $2'],
  [/^other values of (.+), by up to (\S+) of (\S+)$/, '$1 的值不同，最多相差 $2（最大值 $3）'],
  [/^other values of (.+)$/, '$1 的值不同'],
];

/** 简体中文. */
export const diffChinese: DiffWords = {
  language: 'zh-CN',
  sections: {
    summary: '并排比较',
    outputs: '输出',
    tensors: '内部张量',
    nodes: '不同的节点',
    ranges: '不同的比例与范围',
    notes: '说明',
  },
  rows: {
    bytes: '字节',
    opset: 'Opset',
    nodes: '节点',
    quantizing: '量化节点',
    parameters: '参数',
    latency: '延迟',
    p99: 'p99',
  },
  heads: {
    first: '第一个',
    second: '第二个',
    node: '节点',
    op: '算子',
    inSecond: '第二个中',
    foundBy: '匹配依据',
    differs: '差异',
    tensor: '张量',
    role: '作用',
    rangeFirst: '范围，第一个',
    rangeSecond: '范围，第二个',
    output: '输出',
    cosine: '余弦',
    largest: '最大差异',
    madeBy: '产生于',
  },
  status: {
    same: '相同',
    changed: '已更改',
    folded: '已折叠',
    removed: '已移除',
    added: '新增',
  },
  matchedBy: { recorded: '记录', name: '名称', result: '结果', structure: '结构' },
  role: { activation: '激活', weight: '权重', bias: '偏置' },
  both: (a, b) => `${a} 与 ${b}`,
  pairs: (n) => `${n} 对`,
  threads: (n) => (n === 0 ? '运行时默认线程数' : `${n} 个线程`),
  float: '浮点',
  around: (type, scale, zeroPoint) => `${type}，比例 ${scale}，零点 ${zeroPoint}`,
  whileRunning: (type) => `${type}，运行时确定`,
  scales: (type, n, low, high) => `${type}，${n} 个比例 ${low} … ${high}`,
  sentence: (counts, matched, structural) =>
    `节点：${counts.join('，') || '无'}。较小模型的节点有 ${matched} 在另一个中找到${structural > 0 ? `，其中 ${structural} 个仅凭结构` : ''}。`,
  counted: (n, status) => `${n} 个${status}`,
  on: (samples, source) => `在 ${source} 的 ${samples} 个样本上`,
  change(text) {
    const input = /^input (\d+): (.*)$/.exec(text);
    if (input) return `输入 ${input[1]}：${this.change(input[2]!)}`;
    const found = CHANGES.find(([pattern]) => pattern.test(text));
    return found ? text.replace(...found) : text.replaceAll('not set', '未设置');
  },
  note,
};

/** A note by its code; of what the runtime said the words stay. */
function note({ code, message, remedy }: Note): Pick<Note, 'message' | 'remedy'> {
  const inner = message.slice(message.indexOf(': ') + 2);
  switch (code) {
    case 'other-inputs':
      return {
        message: `两者的输入不同（${/\((.*)\)/.exec(message)?.[1] ?? ''}），因此没有在相同的数据上运行。`,
      };
    case 'random-data':
      return {
        message: '在随机数据上比较：对真实输入的表现未知。',
        remedy: '请提供真实样本：命令行用 --data 或 --recipe，编辑器中由配方给出。',
      };
    case 'random-calibration':
      return {
        message: `${/^'.*'/.exec(message)?.[0] ?? '模型'} 是用随机数据校准的：其范围及其对精度的影响，对真实输入不说明任何问题。`,
        remedy: '请用真实样本重新量化原来的浮点模型。',
      };
    case 'inner-not-compared':
      return { message: `没有比较内部张量：${inner}` };
    case 'not-compared':
      return { message: `没有比较输出：${inner}`, remedy: '请提供样本。' };
    default:
      return { message, ...(remedy === undefined ? {} : { remedy }) };
  }
}
