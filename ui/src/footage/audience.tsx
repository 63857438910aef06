/** Who asked to see a piece of footage, for what, and what of it left: for oversight, whose reading is on the record. */
import { useCallback, useEffect, useState } from 'react'
import { Link } from 'wouter'

import { bytes } from '../exports/bytes'
import { asFailure, ask, Failure } from '../graphql/client'
import { AudienceDocument, type AudienceQuery } from '../graphql/generated/graphql'
import { Fact, Unread } from '../shell/desk'
import { count, duration, momentOf, words } from '../shell/words'
import { spanned } from './times'

type Look = AudienceQuery['audience']['edges'][number]['node']
type Told = { looks: readonly Look[]; next: string | undefined }

/** `after`: the page that follows. */
async function load(footage: string, after: string | null): Promise<Told> {
  const { audience } = await ask(AudienceDocument, { subject: `footage-${footage}`, after })
  const { hasNextPage, endCursor } = audience.pageInfo
  return { looks: audience.edges.map(({ node }) => node), next: hasNextPage ? (endCursor ?? undefined) : undefined }
}

export function Audience({ footage }: { footage: string }) {
  const [told, setTold] = useState<Told>()
  const [failure, setFailure] = useState<Failure>()
  const [asking, setAsking] = useState(false)
  const go = useCallback(
    (before: Told | undefined) => {
      let left = false
      setAsking(true)
      setFailure(undefined)
      load(footage, before?.next ?? null)
        .then(
          ({ looks, next }) => left || setTold({ looks: [...(before?.looks ?? []), ...looks], next }),
          (error: unknown) => left || setFailure(asFailure(error)),
        )
        .finally(() => left || setAsking(false))
      return () => {
        left = true
      }
    },
    [footage],
  )
  useEffect(() => {
    setTold(undefined)
    return go(undefined)
  }, [go])
  return (
    <section className="audience" aria-label="Who saw it" aria-busy={asking}>
      <h2>Who saw it</h2>
      <Unread failure={failure} again={() => go(told)} />
      {told?.looks.length === 0 && <p className="empty">Nobody has asked to see this footage.</p>}
      {told && told.looks.length > 0 && (
        <ol>
          {told.looks.map((look) => (
            <Item key={look.stream} look={look} />
          ))}
        </ol>
      )}
      {told?.next && (
        <button type="button" className="button" aria-busy={asking} onClick={() => go(told)}>
          Earlier ones
        </button>
      )}
      {told && <p className="quiet">That you read this is on the record as well.</p>}
    </section>
  )
}

const KINDS: Record<string, string> = { viewing: 'looked', export: 'asked for a file', disclosure: 'disclosed it' }
const LOOKS: Record<string, string> = { open: 'warn', refused: 'bad' }

function Item({ look }: { look: Look }) {
  const said = look.stated.map((reason) => (reason === null ? 'a text whose key is destroyed' : `“${reason}”`))
  return (
    <li className="look" data-look={look.stream} data-state={look.state}>
      <header>
        <h3>{look.person.name}</h3>
        <span className="quiet">{words(look.role).toLowerCase()}</span>
        <span className="spring" />
        {look.masked === false && <span className="chip bad">without its mask</span>}
        <span className={`chip ${LOOKS[look.state] ?? ''}`}>{words(look.state).toLowerCase()}</span>
      </header>
      <p>
        {words(KINDS[look.kind] ?? look.kind)}, {momentOf(look.requestedAt)}
        {said.length > 0 && `: ${said.join(', ')}`}
      </p>
      <dl className="facts">
        <Fact name="Purpose">{words(look.purpose)}</Fact>
        <Fact name="Call">{look.callNumber}</Fact>
        <Fact name="Case">{look.caseNumber}</Fact>
        <Fact name="Reason">
          {count(look.reasonScore)} of 100{look.vague && ', vague'}
        </Fact>
        <Fact name="Stretch">
          {look.footageFrom &&
            look.footageUntil &&
            spanned({ since: Date.parse(look.footageFrom), until: Date.parse(look.footageUntil) })}
        </Fact>
        <Fact name="Seen">
          {look.seconds !== null && look.seconds > 0 && `${duration(1000 * look.seconds)}, ${bytes(look.bytes ?? 0)}`}
        </Fact>
        <Fact name="For">{look.recipient}</Fact>
      </dl>
      <Link className="quiet" href={`/audit?subject=${encodeURIComponent(look.stream)}`}>
        Every event of it
      </Link>
    </li>
  )
}
