/** The override of one's own that lifts the mask of a feed, from the asking to its end. */
import { useEffect, useState } from 'react'

import { ask, BY_ITSELF } from '../graphql/client'
import { OverridesDocument, OverrideStateDocument, type OverrideStateQuery } from '../graphql/generated/graphql'
import { serverNow } from '../shell/clock'
import { useViewer } from '../shell/viewer'

export type Override = NonNullable<OverrideStateQuery['override']>

const EVERY_MS = 2_500

export type Lifted = {
  /** In effect now. */
  override: string | undefined
  /** As it was told last, in effect or not. */
  told: Override | undefined
  waiting: boolean
}

/** `asked`: the override that was asked for on this page, if one was. */
export function useLifted(target: string, asked: string | undefined): Lifted {
  const viewer = useViewer()
  const mayAsk = viewer.can('request_override')
  const [known, setKnown] = useState<string>()
  const [told, setTold] = useState<Override>()
  const [over, setOver] = useState<string>()
  const id = asked ?? known

  // What was in effect before this page was opened goes on.
  useEffect(() => {
    if (!mayAsk) return
    let left = false
    ask(OverridesDocument, { which: 'active', target, at: null }, BY_ITSELF).then(
      ({ overrides }) => {
        const own = overrides.edges.find(({ node }) => node.requestedBy.id === viewer.id)
        if (!left && own) setKnown(own.node.id)
      },
      () => undefined, // then it is asked for anew
    )
    return () => {
      left = true
    }
  }, [target, viewer.id, mayAsk])

  useEffect(() => {
    if (!id) return
    let left = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const look = async () => {
      const found = await ask(OverrideStateDocument, { id }, BY_ITSELF).then(
        ({ override }) => override ?? undefined,
        () => undefined,
      )
      if (left) return
      if (found) setTold(found)
      const until = found?.state === 'active' && found.expiresAt ? Date.parse(found.expiresAt) - serverNow() : 0
      if (found?.state === 'active') {
        timer = setTimeout(() => setOver(id), Math.max(0, until))
      } else if (!found || found.state === 'waiting') {
        // Just asked for, and the read model has not come to it yet; or it cannot be told now.
        timer = setTimeout(() => void look(), EVERY_MS)
      }
    }
    void look()
    return () => {
      left = true
      clearTimeout(timer)
    }
  }, [id])

  const current = told?.id === id ? told : undefined
  const active = current?.state === 'active' && over !== id
  return { override: active ? id : undefined, told: current, waiting: id !== undefined && current?.state === 'waiting' }
}
