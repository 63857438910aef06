/** How long something still lasts, counted down by the server's clock. */
import { serverNow, useTick } from './clock'
import { duration } from './words'

/** From then on it is not to be overlooked. */
const SOON_MS = 120_000

type Props = { until: string; what?: string; over?: string }

export function Left({ until, what = 'ends in', over = 'ending' }: Props) {
  useTick()
  const left = Date.parse(until) - serverNow()
  const soon = left < SOON_MS
  return (
    <span className={soon ? 'left soon' : 'left'} role={soon ? 'status' : undefined}>
      {left > 0 ? `${what} ${duration(left)}` : over}
    </span>
  )
}
