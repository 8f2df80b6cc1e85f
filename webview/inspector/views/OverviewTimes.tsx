import type { LatencyProfile, ModelTime } from '../../../src/protocol';
import { t } from '../../l10n';
import { precisionName } from '../../logic/columns';
import { fixed, significant } from '../../logic/format';
import { LayerLink } from '../parts/marks';

/** Kernels shown of each model. */
const SHOWN = 5;
/** Layers that got slower, named up to so many. */
const SLOWER = 3;

interface Props {
  profile: LatencyProfile;
  /** The written model's format. */
  name: string;
}

/** Where the time of both models goes, what keeps the written one from being faster, and which layers lose by it. */
export function OverviewTimes({ profile, name }: Props) {
  const { cause, fixes } = profile;
  const slower = fixes.flatMap(({ layers }) => layers).slice(0, SLOWER);
  return (
    <>
      {cause && (
        <p data-testid="latency-cause">
          {t(`latency.${cause.kind}`, { percent: fixed(cause.share * 100, 0), op: cause.op ?? '' })}
        </p>
      )}
      <table class="mini wide" data-testid="kernels">
        <thead>
          <tr>
            <th />
            <th>{t('latency.kernel')}</th>
            <th class="n">{t('latency.nodes')}</th>
            <th class="n">ms</th>
            <th class="n">{t('latency.share')}</th>
          </tr>
        </thead>
        <tbody>
          <Kernels time={profile.fp32} name="FP32" />
          <Kernels time={profile.int8} name={name} />
        </tbody>
      </table>
      <p class="dim small">{t('latency.profiled', { n: profile.runs })}</p>
      {slower.length > 0 && (
        <p class="small" data-testid="slower">
          {t('latency.slower')}{' '}
          {slower.map((layer) => (
            <LayerLink key={layer} name={layer} />
          ))}
        </p>
      )}
    </>
  );
}

function Kernels({ time, name }: { time: ModelTime; name: string }) {
  return (
    <>
      {time.kernels.slice(0, SHOWN).map((kernel) => (
        <tr key={`${kernel.role} ${kernel.precision} ${kernel.kernel}`}>
          <th scope="row">{name}</th>
          <td>
            {kernel.kernel}{' '}
            <small class="dim">
              {kernel.role === 'conversion'
                ? t('latency.conversion')
                : precisionName(kernel.precision)}
            </small>
          </td>
          <td class="n">{kernel.nodes}</td>
          <td class="n">{significant(kernel.ms)}</td>
          <td class="n">{fixed(kernel.share * 100, 0)}</td>
        </tr>
      ))}
    </>
  );
}
