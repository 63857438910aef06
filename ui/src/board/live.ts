/** The one live board of this page, fed by the subscription. */
import { useMemo, useRef, useSyncExternalStore } from 'react'

import { client } from '../graphql/client'
import { BoardDocument } from '../graphql/generated/graphql'
import { type Board, BoardStore, type Sample, share } from './store'

export const board = new BoardStore()

/** Subscribes until the returned function is called. The socket reconnects by itself. */
export function follow(onEnd: (message: string) => void): () => void {
  return client.subscription(BoardDocument, {}).subscribe((result) => {
    if (result.data) board.receive(result.data.board)
    else if (result.error) onEnd(result.error.message)
  }).unsubscribe
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
