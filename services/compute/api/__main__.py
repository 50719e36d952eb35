from services.compute.api.app import main

main()
