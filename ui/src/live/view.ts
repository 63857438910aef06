/** A view that was granted is held open by its heartbeat, for as long as a page shows it. */
import { useEffect, useState } from 'react'

import { BY_ITSELF, client, Failure, failureOf } from '../graphql/client'
import { LiveViewHeartbeatDocument } from '../graphql/generated/graphql'
import type { Reason } from './protocol'

const BEAT_MS = 3_000 // a view ends after 10 s of silence

export type Held =
  | { state: 'opening' }
  /** `until`: when it ends unless it is renewed. */
  | { state: 'open'; until: string | undefined }
  /** Not known to be open: the watch center does not answer. */
  | { state: 'unsure'; failure: Failure }
  | { state: 'over'; reason: Reason }

const NO_REASON: Reason = {
  code: 'view_ended',
  message: 'this view has ended',
  rule: 'no frame without a grant',
  field: null,
  accepted: null,
}

/** `again`: changed after a renewal, so that the new end is known at once. */
export function useHeld(view: string, again = 0): Held {
  const [held, setHeld] = useState<Held>({ state: 'opening' })
  const over = held.state === 'over'
  useEffect(() => {
    if (over) return
    let left = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const beat = async () => {
      const result = await client.mutation(LiveViewHeartbeatDocument, { view }, BY_ITSELF).toPromise()
      if (left) return
      setHeld(heard(result.data?.liveViewHeartbeat ?? failureOf(result.error)))
      timer = setTimeout(() => void beat(), BEAT_MS)
    }
    void beat()
    return () => {
      left = true
      clearTimeout(timer)
    }
  }, [view, over, again])
  return held
}

type Pulse = { open: boolean; until: string | null; reason: Reason | null }

export function heard(pulse: Pulse | Failure): Held {
  if (pulse instanceof Failure) {
    // Who is signed out has lost the view; every other failure may pass.
    if (pulse.kind !== 'signed_out') return { state: 'unsure', failure: pulse }
    return { state: 'over', reason: { ...NO_REASON, code: 'not_signed_on', message: pulse.message } }
  }
  if (pulse.open) return { state: 'open', until: pulse.until ?? undefined }
  return { state: 'over', reason: pulse.reason ?? NO_REASON }
}

const TITLES: Record<string, string> = {
  suspended: 'Your view has ended: your account is suspended',
  not_signed_on: 'Your view has ended: you are signed out',
  view_expired: 'Your view has ended: its time is over',
  no_longer_shared: 'Your view has ended: it is no longer shared',
  not_permitted: 'Your view has ended: your roles no longer permit it',
  no_policy: 'Your view has ended: no use policy is in force',
  purpose_prohibited: 'Your view has ended: its purpose is prohibited now',
  training_expired: 'Your view has ended: a training has expired',
  heartbeat_lost: 'Your view has ended: this page was silent for 10 s',
  media_full: 'No picture: too much is being watched',
  no_masking: 'No picture: its mask cannot be burnt in now',
}

/** What has ended, in the words of the room; the reason in full and its rule are said below it. */
export function title(reason: Reason): string {
  return TITLES[reason.code] ?? 'Your view has ended'
}
