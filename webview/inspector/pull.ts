import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { ErrorData, RangeDetail, WeightDetail } from '../../src/protocol';
import { RequestError } from '../rpc';
import { rpc } from './store';

/** Something pulled from the host: on its way, here, or failed. */
export type Pulled<T> = { value: T | null; error: ErrorData | null; waiting: boolean };

const cache = new Map<string, RangeDetail | WeightDetail>();
const MOST = 64;

/** Pulls statistics once per `version` (the result's key) and keeps the last few. */
function usePull<T extends RangeDetail | WeightDetail>(
  key: string | null,
  request: () => Promise<T>,
): Pulled<T> {
  const pulled = useSignal<Pulled<T>>({ value: null, error: null, waiting: false });
  useEffect(() => {
    if (key === null) {
      pulled.value = { value: null, error: null, waiting: false };
      return;
    }
    const known = cache.get(key) as T | undefined;
    if (known) {
      pulled.value = { value: known, error: null, waiting: false };
      return;
    }
    let current = true;
    pulled.value = { ...pulled.peek(), error: null, waiting: true };
    request().then(
      (value) => {
        cache.set(key, value);
        for (const oldest of cache.keys()) if (cache.size > MOST) cache.delete(oldest);
        if (current) pulled.value = { value, error: null, waiting: false };
      },
      (error: unknown) => {
        const data: ErrorData =
          error instanceof RequestError ? error.data : { code: 'internal', message: String(error) };
        if (current) pulled.value = { value: null, error: data, waiting: false };
      },
    );
    return () => {
      current = false;
    };
  }, [key]);
  return pulled.value;
}

/** Activation statistics of a tensor. */
export function useRange(tensor: string | null, version: string): Pulled<RangeDetail> {
  return usePull(tensor === null ? null : `range ${version} ${tensor}`, () =>
    rpc.request('range', { tensor: tensor ?? '' }),
  );
}

/** Weights of a layer. */
export function useWeights(layer: string | null, version: string): Pulled<WeightDetail> {
  return usePull(layer === null ? null : `weights ${version} ${layer}`, () =>
    rpc.request('weights', { layer: layer ?? '' }),
  );
}
