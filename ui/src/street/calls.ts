/** The calls that are open, asked for again and again while somebody looks at the page. */
import { useCallback, useEffect, useRef, useState } from 'react'

import { asFailure, ask, BY_ITSELF, type Failure } from '../graphql/client'
import { OpenCallsDocument, type OpenCallsQuery } from '../graphql/generated/graphql'

export type OpenCall = OpenCallsQuery['openCalls']['calls'][number]

const EVERY_MS = 10_000

export type Calls = {
  /** Newest first; undefined until the first answer. */
  calls: readonly OpenCall[] | undefined
  /** Why the last question had no answer. `calls` is what was open before. */
  failure: Failure | undefined
  again: (at?: number) => void
}

export function useOpenCalls(onEnd: () => void): Calls {
  const [calls, setCalls] = useState<readonly OpenCall[]>()
  const [failure, setFailure] = useState<Failure>()
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const left = useRef(false)

  const again = useCallback(
    (at?: number) => {
      clearTimeout(timer.current)
      ask(OpenCallsDocument, { at }, BY_ITSELF)
        .then(
          ({ openCalls }) => {
            setCalls(openCalls.calls.toSorted((a, b) => b.receivedAt.localeCompare(a.receivedAt)))
            setFailure(undefined)
          },
          (error: unknown) => {
            const why = asFailure(error)
            setFailure(why)
            if (why.kind === 'signed_out') onEnd()
          },
        )
        .finally(() => {
          clearTimeout(timer.current)
          if (!left.current && !document.hidden) timer.current = setTimeout(again, EVERY_MS)
        })
    },
    [onEnd],
  )
  useEffect(() => {
    left.current = false
    const look = () => {
      if (!document.hidden) again()
    }
    document.addEventListener('visibilitychange', look)
    again()
    return () => {
      left.current = true
      clearTimeout(timer.current)
      document.removeEventListener('visibilitychange', look)
    }
  }, [again])
  return { calls, failure, again }
}
