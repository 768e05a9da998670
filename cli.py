"""`python cli.py` is the command line of tssd_keras; installed, it is called `tssd`."""

from tssd_keras.cli.main import main

if __name__ == "__main__":
    main()
