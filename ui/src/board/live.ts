/** The one live board of this page, fed by the subscription. */
import type { TypedDocumentNode } from '@urql/core'
import { useMemo, useRef, useSyncExternalStore } from 'react'

import { client } from '../graphql/client'
import { BoardDocument } from '../graphql/generated/graphql'
import { type Board, BoardStore, type Sample, share } from './store'

export const board = new BoardStore()

const AGAIN_MS = 2_000

/**
 * Keeps a page told until the returned function is called. A lost socket connects again by itself; a subscription
 * that the server ends is reported (`onEnd`: the person may have been signed out) and begun again.
 */
export function told<Data>(
  document: TypedDocumentNode<Data, Record<string, never>>,
  receive: (data: Data) => void,
  onEnd: () => void,
): () => void {
  let again: ReturnType<typeof setTimeout> | undefined
  let left = false
  let leave: () => void = () => undefined
  const begin = () => {
    leave = client.subscription(document, {}).subscribe((result) => {
      if (result.data) return receive(result.data)
      if (!result.error || left) return
      onEnd()
      clearTimeout(again)
      again = setTimeout(begin, AGAIN_MS)
    }).unsubscribe
  }
  begin()
  return () => {
    left = true
    clearTimeout(again)
    leave()
  }
}

/** Keeps the board told. */
export function follow(onEnd: () => void): () => void {
  return told(BoardDocument, (data) => board.receive(data.board), onEnd)
}

/** A part of the board; the component renders again only when that part says something else. */
export function useBoard<Part>(select: (board: Board) => Part): Part | undefined {
  const last = useRef<Part | undefined>(undefined)
  const read = useMemo(
    () => () => {
      const now = board.board()
      return (last.current = now && share(last.current, select(now)))
    },
    [select],
  )
  return useSyncExternalStore(board.subscribe, read)
}

/** The latest sample of one drone. */
export function useSample(drone: string): Sample | undefined {
  const subscribe = useMemo(
    () => (listener: () => void) =>
      board.subscribeTelemetry((each) => {
        if (each === drone) listener()
      }),
    [drone],
  )
  return useSyncExternalStore(subscribe, () => board.sample(drone))
}
