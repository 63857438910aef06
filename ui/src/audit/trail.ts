/** Loading a page of the trail, and counting what has come since. */
import { useCallback, useEffect, useRef, useState } from 'react'

import { board } from '../board/live'
import { asFailure, ask, type Failure } from '../graphql/client'
import { AuditTrailDocument, type AuditTrailQuery, NewerAuditEventsDocument } from '../graphql/generated/graphql'
import { useViewer } from '../shell/viewer'
import { filterOf, variablesOf, type View } from './view'

export type Trail = AuditTrailQuery['auditTrail']
export type Row = Trail['edges'][number]['node']
export type Loading = { trail: Trail | undefined; failure: Failure | undefined; loading: boolean }

/** Everything of a view that changes which rows it shows. */
function question(view: View): string {
  return JSON.stringify(variablesOf(view))
}

export function useTrail(view: View): Loading & { reload: () => void } {
  const [state, setState] = useState<Loading>({ trail: undefined, failure: undefined, loading: true })
  const [turn, setTurn] = useState(0)
  const asked = question(view)
  useEffect(() => {
    let left = false
    setState((before) => ({ ...before, loading: true }))
    ask(AuditTrailDocument, JSON.parse(asked) as ReturnType<typeof variablesOf>).then(
      ({ auditTrail }) => left || setState({ trail: auditTrail, failure: undefined, loading: false }),
      (error: unknown) =>
        left ||
        setState({
          trail: undefined,
          failure: asFailure(error),
          loading: false,
        }),
    )
    return () => {
      left = true
    }
  }, [asked, turn])
  const reload = useCallback(() => setTurn((before) => before + 1), [])
  return { ...state, reload }
}

/** Reading is on the record itself; nobody need be told of their own. */
function ownReading(event: { type: string; actor: { id: string } }, reader: string): boolean {
  return event.type === 'review.audit_trail_consulted' && event.actor.id === reader
}

const ASK_EVERY_MS = 5_000

/**
 * How many events that match have come since the page was loaded; 100 means at least that many. Asked every 5 s while
 * somebody looks, and only when the log is known to have grown (or nothing is known about it).
 */
export function useNewer(view: View, trail: Trail | undefined): number {
  const reader = useViewer().id
  const [newer, setNewer] = useState(0)
  const lastAskedAt = useRef(0)
  const atTheEnd = !view.oldestFirst && view.page === undefined && view.until === undefined
  const newest = trail?.pageInfo.startCursor
  const filter = JSON.stringify(filterOf(view))
  useEffect(() => {
    setNewer(0)
    lastAskedAt.current = trail?.position ?? 0
    if (!atTheEnd || !newest) return
    let left = false
    const timer = setInterval(() => {
      const position = board.board()?.progress.position
      if (document.hidden || (position !== undefined && position <= lastAskedAt.current)) return
      lastAskedAt.current = position ?? 0
      ask(NewerAuditEventsDocument, { filter: JSON.parse(filter) as ReturnType<typeof filterOf>, before: newest }).then(
        ({ auditTrail }) => left || setNewer(auditTrail.edges.filter(({ node }) => !ownReading(node, reader)).length),
        () => undefined, // the next page load says what is wrong; a hint need not
      )
    }, ASK_EVERY_MS)
    return () => {
      left = true
      clearInterval(timer)
    }
  }, [atTheEnd, newest, filter, trail?.position, reader])
  return newer
}
