/** The views that this page holds open: which, of what, and on which grounds. */
import { client } from '../graphql/client'
import { CloseLiveViewDocument } from '../graphql/generated/graphql'
import type { Stated } from '../forms/grounds'

/** More pictures than this nobody watches, and no screen shows. */
export const MOST = 9

export type Feed = { feed: string; name: string; kind: 'camera' | 'drone' }
export type View = { id: string; feed: Feed; stated: Stated }

type Listener = () => void

export class Wall {
  #views: readonly View[] = []
  readonly #listeners = new Set<Listener>()
  readonly #close: (view: string) => void
  #leaving: ReturnType<typeof setTimeout> | undefined

  /** `close`: tells the watch center that a view is watched no more. */
  constructor(close: (view: string) => void) {
    this.#close = close
  }

  readonly views = (): readonly View[] => this.#views

  readonly subscribe = (listener: Listener): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  add(view: View): void {
    this.#publish([...this.#views, view])
  }

  /** Takes a picture off the wall; `over`: its view has ended already. */
  remove(id: string, over = false): void {
    if (!this.#views.some((view) => view.id === id)) return
    if (!over) this.#close(id)
    this.#publish(this.#views.filter((view) => view.id !== id))
  }

  /** Whoever does not see the wall watches nothing: every view ends, unless the wall is come back to at once. */
  readonly leave = (): void => {
    this.#leaving = setTimeout(() => {
      for (const { id } of this.#views) this.#close(id)
      this.#publish([])
    })
  }

  readonly stay = (): void => clearTimeout(this.#leaving)

  #publish(views: readonly View[]): void {
    this.#views = views
    for (const listener of this.#listeners) listener()
  }
}

/** Where the answer is lost, the view ends all the same: nobody sends its heartbeat. */
export const wall = new Wall((view) => {
  void client.mutation(CloseLiveViewDocument, { view, commandId: crypto.randomUUID() }).toPromise()
})

/** Columns of a wall of so many pictures. */
export function columns(pictures: number): number {
  return pictures <= 1 ? 1 : pictures <= 4 ? 2 : 3
}

/** The address at which the form to watch this is open. */
export function addressOf(feed: string, call: string | null): string {
  return `/cameras?${new URLSearchParams(call ? { feed, call } : { feed }).toString()}`
}
