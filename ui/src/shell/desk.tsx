/** A desk: a list of what waits for somebody, by kinds, with what may be done about each. */
import { type ReactNode, useCallback, useEffect, useRef, useState } from 'react'

import { asFailure, Failure } from '../graphql/client'
import './desk.css'
import { Tabs } from './tabs'
import { momentOf } from './words'

export type Kind<Code extends string> = { code: Code; name: string; empty: string }

type DeskProps<Code extends string> = {
  title: string
  explained: ReactNode
  kinds: readonly Kind<Code>[]
  shown: Code
  onShow: (code: Code) => void
  /** How many there are of the kind that is shown. */
  count: number | undefined
  children: ReactNode
}

export function Desk<Code extends string>({
  title,
  explained,
  kinds,
  shown,
  onShow,
  count,
  children,
}: DeskProps<Code>) {
  const kind = kinds.find(({ code }) => code === shown)
  return (
    <main className="desk">
      <header>
        <h1>{title}</h1>
        <p className="quiet">{explained}</p>
      </header>
      <Tabs
        label={title}
        tabs={kinds.map(({ code, name }) => ({ code, name, tally: code === shown ? count : undefined }))}
        shown={shown}
        onShow={onShow}
      />
      {count === 0 && <p className="empty">{kind?.empty}</p>}
      {children}
    </main>
  )
}

const EVERY_MS = 5_000

export type Listed<Rows> = { rows: Rows | undefined; failure: Failure | undefined; again: (at?: number) => void }

/**
 * Asks for the rows at once, again and again while somebody looks at the page, and after one's own command (`again`, with
 * the position that the answer must have come to).
 */
export function useListed<Rows>(load: (at: number | undefined) => Promise<Rows>): Listed<Rows> {
  const [rows, setRows] = useState<Rows>()
  const [failure, setFailure] = useState<Failure>()
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const current = useRef(load)
  const again = useCallback((at?: number) => {
    clearTimeout(timer.current)
    const asked = current.current
    asked(at)
      .then(
        (found) => {
          if (asked !== current.current) return
          setRows(found)
          setFailure(undefined)
        },
        (error: unknown) => {
          if (asked === current.current) setFailure(asFailure(error))
        },
      )
      .finally(() => {
        if (asked !== current.current) return
        clearTimeout(timer.current)
        timer.current = setTimeout(() => (document.hidden ? undefined : again()), EVERY_MS)
      })
  }, [])
  useEffect(() => {
    current.current = load
    setRows(undefined)
    again()
    const look = () => (document.hidden ? undefined : again())
    document.addEventListener('visibilitychange', look)
    return () => {
      current.current = () => Promise.reject(new Failure('failed', 'left'))
      clearTimeout(timer.current)
      document.removeEventListener('visibilitychange', look)
    }
  }, [load, again])
  return { rows, failure, again }
}

export function Unread({ failure, again }: { failure: Failure | undefined; again: () => void }) {
  if (!failure) return null
  return (
    <div className="note bad" role="alert">
      <p>What stands here could not be read again. {failure.message}</p>
      <button type="button" className="button" onClick={() => again()}>
        Try again
      </button>
    </div>
  )
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  if (children === null || children === undefined || children === '' || children === false) return null
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

/** Who did something and when; nothing where nobody did. */
export function signed(person: { name: string } | null, at: string | null): string | null {
  return person && [person.name, at && momentOf(at)].filter(Boolean).join(', ')
}
