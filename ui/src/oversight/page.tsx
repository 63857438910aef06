/** Oversight's desk: what is due, how the weekly sample is drawn, what was found, and who read the record. */
import { type ReactNode, useCallback, useEffect, useState } from 'react'
import { Link } from 'wouter'

import { asFailure, ask, Failure } from '../graphql/client'
import {
  AuditSamplesDocument,
  type AuditSamplesQuery,
  ConsultationsDocument,
  type ConsultationsQuery,
  FindingsDocument,
  type FindingsQuery,
  OversightQueueDocument,
  type OversightQueueQuery,
} from '../graphql/generated/graphql'
import { useViewer } from '../shell/viewer'
import { count, dayOf, momentOf, words } from '../shell/words'
import { FindingForm, Step } from './forms'
import './oversight.css'
import { steps, subject } from './steps'

type Desk = {
  queue: OversightQueueQuery['oversightQueue']
  samples: AuditSamplesQuery['auditSamples']['samples']
  findings: FindingsQuery['findings']['findings']
  readings: ConsultationsQuery['consultations']['edges'][number]['node'][]
}

/** `at`: a position that what is shown must have come to, such as that of one's own command. */
async function load(readsAll: boolean, at: number | undefined): Promise<Desk> {
  const [{ oversightQueue }, { auditSamples }, { findings }, consulted] = await Promise.all([
    ask(OversightQueueDocument, { at }),
    ask(AuditSamplesDocument, { at }),
    ask(FindingsDocument, { at }),
    readsAll ? ask(ConsultationsDocument, {}) : undefined,
  ])
  return {
    queue: oversightQueue,
    samples: auditSamples.samples,
    findings: findings.findings,
    readings: consulted?.consultations.edges.map((edge) => edge.node) ?? [],
  }
}

export function OversightPage() {
  const viewer = useViewer()
  const readsAll = viewer.can('read_audit_trail')
  const [desk, setDesk] = useState<Desk | Failure>()
  const [open, setOpen] = useState<string>()
  const again = useCallback(
    (at?: number) => {
      load(readsAll, at).then(setDesk, (error: unknown) => setDesk(asFailure(error)))
    },
    [readsAll],
  )
  useEffect(() => again(), [again])

  if (!desk) return <main className="gate" aria-busy="true" />
  if (desk instanceof Failure)
    return (
      <main className="oversight">
        <div className="state-card" role="alert">
          <h2>What is due could not be read</h2>
          <p>{desk.message}</p>
          <button type="button" className="button primary" onClick={() => again()}>
            Try again
          </button>
        </div>
      </main>
    )
  const { queue, samples, findings, readings } = desk
  return (
    <main className="oversight">
      <Part
        title="What is due"
        aside={
          <>
            {count(queue.waiting)} waiting,{' '}
            <b className={queue.overdue > 0 ? 'late' : undefined} data-testid="overdue">
              {count(queue.overdue)} overdue
            </b>
          </>
        }
      >
        {queue.due.length === 0 ? (
          <p className="quiet">Nothing waits. What has to be reviewed comes up here by itself.</p>
        ) : (
          <table className="due" data-testid="due">
            <thead>
              <tr>
                <th>By</th>
                <th>What</th>
                <th>About</th>
                <th>Whose act</th>
                <th>
                  <span className="unseen">Do it</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {queue.due.map((due) => {
                const key = `${due.kind} ${due.stream} ${due.number ?? ''}`
                const step = steps[due.kind]
                const may = step?.action && viewer.can(step.action)
                return [
                  <tr key={key} className={due.overdue ? 'late' : undefined} data-kind={due.kind}>
                    <td className="when">
                      <Moment at={due.dueAt} />
                      {due.overdue && <span className="chip bad">overdue</span>}
                    </td>
                    <td>{step?.title ?? words(due.kind)}</td>
                    <td>
                      <Link className="mono" href={`/audit?subject=${encodeURIComponent(subject(due))}`}>
                        {subject(due)}
                      </Link>
                    </td>
                    <td>{due.person?.name ?? '–'}</td>
                    <td className="do">
                      {may && step.form && (
                        <button
                          type="button"
                          className="button plain"
                          aria-expanded={open === key}
                          onClick={() => setOpen(open === key ? undefined : key)}
                        >
                          {step.verb}
                        </button>
                      )}
                    </td>
                  </tr>,
                  open === key && step?.form ? (
                    <tr key={`${key} form`} className="form">
                      <td colSpan={5}>
                        <Step form={step.form} due={due} onDone={again} />
                      </td>
                    </tr>
                  ) : null,
                ]
              })}
            </tbody>
          </table>
        )}
      </Part>

      <Part title="The weekly sample">
        <p className="explained">
          Nobody can steer which accesses are looked into. Before a week ends, oversight commits to a secret number by
          putting its SHA-256 on the record. After the week it reveals the number. The seed is SHA-256 of the log’s root
          at the end of the week and of that number: who makes the log did not know the number, who knew the number did
          not know the root. Anybody can draw the sample again from what stands here.
        </p>
        {samples.length === 0 ? (
          <p className="quiet">Nobody has committed to a number yet.</p>
        ) : (
          <div className="cards">
            {samples.map((sample) => (
              <article key={sample.id} className="card" data-testid="sample">
                <h3>
                  {sample.week}
                  <span className="quiet">
                    {sample.drawnAt
                      ? `${count(sample.reviewed)} of ${count(sample.sampleSize ?? 0)} reviewed`
                      : `ends ${dayOf(sample.weekEndsAt)}`}
                  </span>
                </h3>
                {sample.missedAt ? (
                  <p>
                    <span className="chip bad">No number</span> Nobody committed to a number before this week ended. The
                    seed is of the log’s root alone, which those who make the log could have steered.
                  </p>
                ) : (
                  <>
                    <Fact name="Committed to">{sample.nonceSha256}</Fact>
                    <Fact name="Number revealed">{sample.nonce ?? 'not yet'}</Fact>
                  </>
                )}
                <Fact name="Root of the log">{sample.rootSha256 ?? 'not yet'}</Fact>
                {sample.drawnAt && (
                  <p className="quiet">
                    {count(sample.sampleSize ?? 0)} of {count(sample.populationSize ?? 0)} accesses up to position{' '}
                    {count(sample.logPosition ?? 0)}, drawn by the method <code>{sample.drawingMethod}</code>
                  </p>
                )}
              </article>
            ))}
          </div>
        )}
      </Part>

      <Part title="Findings">
        {viewer.can('record_finding') && <FindingForm onDone={again} />}
        {findings.length === 0 && <p className="quiet">Nothing was found to be wrong yet.</p>}
        {findings.map((finding) => (
          <article key={finding.id} className="finding" data-testid="finding">
            <h3>
              {words(finding.kind)}
              <span className={finding.overdue ? 'chip bad' : finding.takenAt ? 'chip good' : 'chip warn'}>
                {finding.takenAt ? 'acted on' : finding.overdue ? 'overdue' : `act by ${dayOf(finding.actionBy)}`}
              </span>
            </h3>
            <p>{finding.shortcoming ?? 'The text was destroyed with its key.'}</p>
            {finding.measure && <p className="measure">{finding.measure}</p>}
            <p className="quiet">
              {finding.recordedBy.name}, <Moment at={finding.recordedAt} />, about{' '}
              <span className="mono">{finding.about}</span>
            </p>
          </article>
        ))}
      </Part>

      {readsAll && (
        <Part title="Who read the record">
          <table className="due" data-testid="readings">
            <thead>
              <tr>
                <th>When</th>
                <th>Who</th>
                <th>What they asked</th>
                <th>Up to position</th>
              </tr>
            </thead>
            <tbody>
              {readings.map((reading) => (
                <tr key={reading.position}>
                  <td className="when">
                    <Moment at={reading.at} />
                  </td>
                  <td>
                    {reading.person.name}
                    <span className="under quiet">{words(reading.role)}</span>
                  </td>
                  <td>
                    {words(reading.question)}
                    {reading.filter.length > 0 && <span className="under mono">{reading.filter.join(' ')}</span>}
                  </td>
                  <td className="number">{count(reading.upToPosition)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Part>
      )}
    </main>
  )
}

function Part({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className="part" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <span className="spring" />
        {aside && <span className="quiet">{aside}</span>}
      </header>
      {children}
    </section>
  )
}

function Moment({ at }: { at: string }) {
  return <time dateTime={at}>{momentOf(at)}</time>
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <p className="fact">
      <span>{name}</span>
      <code>{children}</code>
    </p>
  )
}
