-- Who signed up and has not followed the mail's link yet is no active user: an address may stay unverified for good.
UPDATE user_account SET status = 'invited' WHERE status = 'active' AND email_verified = 0;
