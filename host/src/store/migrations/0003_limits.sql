-- The limits that were in force, JSON: of attempts that failed or came close to one of
-- them. The others have no need of them, and there are many.
ALTER TABLE attempt ADD COLUMN limits TEXT;
