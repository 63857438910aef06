/** Whether the live connection stands, as a store that React and the map can both read. */
export type Link = { state: 'connecting' | 'open' | 'closed'; since: number; retryAt: number | undefined }

type Listener = () => void

export class LinkState {
  #link: Link = { state: 'connecting', since: performance.now(), retryAt: undefined }
  readonly #listeners = new Set<Listener>()

  readonly get = (): Link => this.#link

  readonly subscribe = (listener: Listener): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** While connecting again the board stays 'closed' until the connection stands: no flicker of hope. */
  set(state: Link['state']): void {
    if (state === this.#link.state) return
    if (state === 'connecting' && this.#link.state === 'closed') return
    this.#publish({ state, since: performance.now(), retryAt: undefined })
  }

  /** The next try comes in `milliseconds`. */
  waiting(milliseconds: number): void {
    this.#publish({ ...this.#link, retryAt: performance.now() + milliseconds })
  }

  #publish(link: Link): void {
    this.#link = link
    for (const listener of this.#listeners) listener()
  }
}

export const linkState = new LinkState()
