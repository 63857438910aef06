/** Commands from a page: one id per intention, and one of five answers. */
import type { TypedDocumentNode } from '@urql/core'
import { useCallback, useRef, useState } from 'react'

import { client, Failure, failureOf } from '../graphql/client'
import type { ReturnDroneMutation } from '../graphql/generated/graphql'

export type Answer = ReturnDroneMutation['answer']
export type Outcome = Answer | Failure

/**
 * Sends a command. While its answer is unknown (the network failed) the same intention keeps its id, so that sending
 * again cannot do it twice; an answer of any kind ends the intention.
 */
export function useOrder<Variables extends { commandId: string }>(
  document: TypedDocumentNode<{ answer: Answer }, Variables>,
): {
  sending: boolean
  outcome: Outcome | undefined
  send: (variables: Omit<Variables, 'commandId'>) => Promise<Outcome>
  forget: () => void
} {
  const [sending, setSending] = useState(false)
  const [outcome, setOutcome] = useState<Outcome>()
  const intention = useRef<{ id: string; said: string } | undefined>(undefined)

  const send = useCallback(
    async (variables: Omit<Variables, 'commandId'>): Promise<Outcome> => {
      const said = JSON.stringify(variables)
      if (intention.current?.said !== said) intention.current = { id: crypto.randomUUID(), said }
      setSending(true)
      const result = await client
        .mutation(document, { ...variables, commandId: intention.current.id } as Variables)
        .toPromise()
      const answered = result.data?.answer ?? failureOf(result.error)
      if (!(answered instanceof Failure) && answered.__typename !== 'Unavailable') intention.current = undefined
      setOutcome(answered)
      setSending(false)
      return answered
    },
    [document],
  )
  const forget = useCallback(() => setOutcome(undefined), [])
  return { sending, outcome, send, forget }
}

/** True when the refusal can be cured by proving again who one is. */
export function needsStepUp(outcome: Outcome): boolean {
  return (
    !(outcome instanceof Failure) &&
    outcome.__typename === 'Refused' &&
    outcome.reasons.some((reason) => reason.code === 'step_up_required')
  )
}

export function stepUpLink(): string {
  return `/sign-in/step-up?return_to=${encodeURIComponent(location.pathname + location.search)}`
}
