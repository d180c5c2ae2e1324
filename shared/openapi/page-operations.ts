/** A program's dashboard: the page, its files and its login. */
import { z } from 'zod';
import { type Answer, type Content, FORM_TYPE, type Operation } from './operation.js';

const html: readonly Content[] = [{ type: 'text/html', schema: z.string() }];

/** The fields of the login's form. */
export const loginFormSchema = z.object({ token: z.string() });

/** What stands for the parameters of a file's path. */
export const PAGE_PARAMETERS = {
  version: { schema: z.string(), description: 'Changes with what the files hold', example: '0123456789abcdef' },
  name: { schema: z.string(), description: 'The path of a file, as the page names it', example: 'base.css' },
} as const;

const seeOther: Answer = { description: 'Go to the page', headers: { Location: 'Where it is' } };

/** `home`: the page's own path. */
export function pageOperations(home: string): readonly Operation[] {
  return [
    {
      ...{ id: 'getDashboard', method: 'get', path: home, tag: 'dashboard', access: 'open' },
      summary: 'The dashboard, or its login',
      description: 'In English or French, as `Accept-Language` has it.',
      answers: [[200, { description: 'A page that holds no data', content: html }]],
    },
    {
      ...{ id: 'getDashboardFile', method: 'get', path: '/dashboard/:version/*name', tag: 'dashboard', access: 'open' },
      summary: 'A script, a style or a picture of the dashboard',
      answers: [
        [
          200,
          {
            description: 'It, to be kept for good',
            content: ['text/javascript', 'text/css', 'image/svg+xml'].map((type) => ({ type, schema: z.string() })),
          },
        ],
      ],
      errors: ['not_found'],
      examples: {
        old: {
          status: 404,
          answer: {
            error: { code: 'not_found', message: 'there is nothing at GET /dashboard/0123456789abcdef/base.css' },
          },
        },
      },
    },
    {
      ...{ id: 'logIn', method: 'post', path: '/dashboard/login', tag: 'dashboard', access: 'open' },
      summary: 'Take a token for a cookie',
      description:
        'The cookie stands for the token for a week, in requests of the dashboard’s own pages. After ten wrong tokens a minute ' +
        'from one address no other is looked at.',
      body: [{ type: FORM_TYPE, schema: loginFormSchema }],
      answers: [
        [303, { ...seeOther, headers: { Location: 'Where it is', 'Set-Cookie': 'The login' } }],
        [401, { description: 'The login again: this is no token of the program', content: html }],
        [
          429,
          { description: 'The login again: too many wrong ones', content: html, headers: { 'Retry-After': 'Seconds' } },
        ],
      ],
      errors: ['forbidden', 'too_large'],
      examples: { token: { body: 'token=a-token-for-tests-0123456789' } },
    },
    {
      ...{ id: 'logOut', method: 'post', path: '/dashboard/logout', tag: 'dashboard', access: 'open' },
      summary: 'End the login in this browser',
      answers: [[303, seeOther]],
      errors: ['forbidden'],
    },
  ];
}
